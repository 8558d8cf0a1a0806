import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { environmentOf, readConfig, readConfigOf } from '../../src/cli/project.js'
import { starterConfig } from '../../src/config/starter-config.js'
import { openRevision, workTree } from '../../src/delivery/revision.js'
import { git } from '../delivery/state-places.js'
import { emptyFolder } from '../run-cli.js'

function writeConfig(text: string): string {
  const path = join(emptyFolder(), 'llmscale.yaml')
  writeFileSync(path, text)
  return path
}

const architecture = (layers: number) =>
  JSON.stringify({
    num_hidden_layers: layers,
    hidden_size: 2048,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    intermediate_size: 8192,
    vocab_size: 128_256,
    tie_word_embeddings: true,
  })

const ownModel = `${starterConfig.replace('model: llama-3.1-8b', 'model: ours')}
models:
  ours: { architecture: ./ours/config.json }
`

describe('readConfig', () => {
  it('says how to get a configuration where there is none', async () => {
    await expect(readConfig('/none/llmscale.yaml')).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      exitCode: 3,
      message: '/none/llmscale.yaml does not exist.',
      tryThis: expect.arrayContaining([expect.stringContaining('llmscale init')]),
    })
  })

  it('says so where it is no file', async () => {
    await expect(readConfig(emptyFolder())).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE', exitCode: 3 })
  })

  it('reads the config.json of a model from beside the configuration', async () => {
    const path = writeConfig(ownModel)
    mkdirSync(join(path, '../ours'))
    writeFileSync(join(path, '../ours/config.json'), architecture(16))
    const config = await readConfig(path)
    expect(config.models['ours']?.architecture).toMatchObject({
      layers: 16,
      headSize: 64,
      tiedEmbeddings: true,
    })
  })

  it('names the key whose config.json is missing', async () => {
    await expect(readConfig(writeConfig(ownModel))).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringMatching(/ours\/config\.json does not exist/),
      tryThis: [expect.stringContaining('models.ours.architecture')],
    })
  })
})

describe('readConfigOf', () => {
  it('reads a configuration and what it names as they were at a commit', async () => {
    const path = writeConfig(ownModel)
    const folder = join(path, '..')
    git(folder, 'init', '--quiet', '--initial-branch=main')
    const commit = () => {
      git(folder, 'add', '--all')
      git(folder, '-c', 'user.name=ana', '-c', 'user.email=ana@acme.example', 'commit', '--quiet', '-m', 'x')
    }
    commit()
    mkdirSync(join(folder, 'ours'))
    for (const layers of [16, 32]) {
      writeFileSync(join(folder, 'ours/config.json'), architecture(layers))
      commit()
    }
    const layersAt = async (name: string) =>
      (await readConfigOf(await openRevision(folder, name), path))?.models['ours']?.architecture
    expect(await layersAt('main')).toMatchObject({ layers: 32 })
    expect(await layersAt('main~1')).toMatchObject({ layers: 16 })
    await expect(layersAt('main~2')).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      message: 'main~2:ours/config.json does not exist.',
    })
    writeFileSync(join(folder, 'ours/config.json'), '{"num_hidden_layers": 0}')
    commit()
    await expect(layersAt('main~0')).rejects.toMatchObject({
      message: expect.stringMatching(/^main~0:ours\/config\.json num_hidden_layers: /),
    })
    rmSync(path)
    expect(await layersAt('main~1')).toMatchObject({ layers: 32 })
    expect(await readConfigOf(workTree(folder), path)).toBeUndefined()
  })
})

describe('environmentOf', () => {
  it('takes the only one, the named one, and else lists them', async () => {
    const one = await readConfig(writeConfig(starterConfig))
    expect(environmentOf(one, undefined).name).toBe('production')
    const two = await readConfig(
      writeConfig(
        starterConfig.replace('  production:', '  staging: { regions: [us-west-2] }\n  production:'),
      ),
    )
    expect(environmentOf(two, 'staging').environment.regions).toEqual(['us-west-2'])
    expect(() => environmentOf(two, undefined)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('staging, production') }),
    )
    expect(() => environmentOf(two, 'stagin')).toThrow(
      expect.objectContaining({ exitCode: 2, tryThis: ['--env staging'] }),
    )
  })
})
