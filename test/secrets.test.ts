import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { git } from './delivery/state-places.js'
import { emptyFolder, runCli } from './run-cli.js'
import { refuseSecrets, refuseSecretsBelow, testSecrets } from './secrets.js'

const secret = testSecrets.GITHUB_TOKEN

describe('a secret of the tests', () => {
  let folder: string
  beforeEach(() => {
    folder = emptyFolder()
  })
  // Else the search at the end of the run finds it.
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is found in what the program prints', async () => {
    const key = testSecrets.LLMSCALE_TENANT_KEY
    await expect(runCli(['diff', key, 'a'], { cwd: folder })).rejects.toThrow('secret LLMSCALE_TENANT_KEY')
  })

  it('is found if only the environment of a run has it', () => {
    const env = { PROM_TOKEN: 'of-this-run-alone' }
    const search = () => refuseSecrets(`sent ${env.PROM_TOKEN}`, 'a log', env)
    expect(search).toThrow('a log holds a secret of its environment')
  })

  it('is found as git sends it', () => {
    const sent = `Basic ${Buffer.from(`x-access-token:${secret}`).toString('base64')}`
    expect(() => refuseSecrets(sent, 'a header')).toThrow('a header holds the secret GITHUB_TOKEN in base64')
  })

  it('is found in files, and in commits that nothing names any more', () => {
    const path = join(folder, 'deep', 'forecasts')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'plan.yaml'), 'planId: a\n')
    refuseSecretsBelow(folder)
    git(path, 'init', '--quiet', '--initial-branch=main')
    const commit = (...args: string[]) =>
      git(path, '-c', 'user.name=a', '-c', 'user.email=a@acme.example', 'commit', '--quiet', ...args)
    git(path, 'add', '--all')
    commit('--message', `as ${secret}`)
    commit('--amend', '--message', 'clean')
    git(path, 'gc', '--quiet', '--prune=never')
    rmSync(join(path, '.git/logs'), { recursive: true })
    expect(() => refuseSecretsBelow(folder)).toThrow(`a git object in ${join(path, '.git')} holds`)
    rmSync(join(path, '.git'), { recursive: true })
    writeFileSync(join(path, 'plan.yaml'), `token: ${secret}\n`)
    expect(() => refuseSecretsBelow(folder)).toThrow(`${join(path, 'plan.yaml')} holds the secret`)
  })
})
