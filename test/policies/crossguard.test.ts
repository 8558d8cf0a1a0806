import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { emptyFolder } from '../run-cli.js'
import { deployment, disruptionBudget } from './server-fixture.js'

const root = resolve(import.meta.dirname, '../..')
const doubles = join(root, 'test/doubles/bin')
const shipped = join(root, 'policies/pack')

/** The pack as it is shipped, or one like it that runs from source. */
function packFolder(): string {
  if (process.env['LLMSCALE_TEST_SOURCE'] !== '1') return shipped
  const folder = emptyFolder()
  cpSync(shipped, folder, { recursive: true })
  const main = readFileSync(join(folder, 'main.cjs'), 'utf8')
  const source = pathToFileURL(join(root, 'policies/crossguard.ts')).href
  writeFileSync(join(folder, 'main.cjs'), main.replace('../../dist/policies/crossguard.js', source))
  const nodeargs = `--import ${join(root, 'node_modules/tsx/dist/esm/index.mjs')}`
  writeFileSync(
    join(folder, 'PulumiPolicy.yaml'),
    stringify({ runtime: { name: 'nodejs', options: { typescript: false, nodeargs } } }),
  )
  return folder
}

/** Deploys objects by a program that knows nothing of llmscale, under the pack. */
async function up(
  objects: readonly object[],
  config: object = {},
): Promise<{ code: number; output: string }> {
  const cwd = emptyFolder()
  writeFileSync(join(cwd, 'package.json'), '{"type": "module"}')
  const kubernetes = pathToFileURL(join(root, 'node_modules/@pulumi/kubernetes/apiextensions/index.js')).href
  writeFileSync(
    join(cwd, 'main.mjs'),
    `import kubernetes from '${kubernetes}'
     for (const object of ${JSON.stringify(objects)}) new kubernetes.CustomResource(object.metadata.name + object.kind, object)`,
  )
  writeFileSync(
    join(cwd, 'Pulumi.yaml'),
    stringify({
      name: 'others',
      runtime: { name: 'nodejs', options: { typescript: false } },
      main: 'main.mjs',
      plugins: { providers: [{ name: 'kubernetes', path: doubles }] },
    }),
  )
  writeFileSync(join(cwd, 'limits.json'), JSON.stringify(config))
  const env = {
    ...process.env,
    ...engineEnvironment,
    PATH: [doubles, engineEnvironment['PATH']].join(delimiter),
    PULUMI_HOME: cwd,
    PULUMI_BACKEND_URL: `file://${cwd}`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  }
  const pulumi = (...args: string[]) =>
    promisify(execFile)('pulumi', ['--non-interactive', '--color', 'never', ...args], { cwd, env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      (error) => ({ code: error.code as number, output: error.stdout + error.stderr }),
    )
  expect((await pulumi('stack', 'init', 'team')).output).toContain('Created stack')
  const pack = ['--policy-pack', packFolder(), '--policy-pack-config', join(cwd, 'limits.json')]
  return pulumi('up', '--yes', '--skip-preview', '--stack', 'team', ...pack)
}

describe.skipIf(engineFolder === undefined)(`the CrossGuard pack${engineNote}`, { timeout: 180_000 }, () => {
  it('lets a sound server pass', async () => {
    const { code, output } = await up([deployment(), disruptionBudget()])
    expect(output).toMatch(/2 created|\+ 3 created/)
    expect(output).not.toContain('[mandatory]')
    expect(code).toBe(0)
  })

  it('stops a privileged container before it is created, and says what to change', async () => {
    const { code, output } = await up([
      deployment({ container: { securityContext: { privileged: true } } }),
      disruptionBudget(),
    ])
    expect(output).toMatch(/\[mandatory\] +privileged +\(kubernetes:apps\/v1:Deployment/)
    expect(output).toContain('container server has securityContext.privileged: set it to false')
    expect(output).not.toMatch(/apps\/v1:Deployment\S* +chat-70bDeployment created/)
    expect(code).not.toBe(0)
  })

  it('sees what only the whole stack shows', async () => {
    const { code, output } = await up([deployment()])
    expect(output).toContain('Deployment chat-70b has no PodDisruptionBudget that selects its pods')
    expect(code).not.toBe(0)
  })

  it('takes limits from the configuration of the pack, and a rule that is disabled', async () => {
    const objects = [deployment({ container: { securityContext: { capabilities: { add: ['NET_ADMIN'] } } } })]
    const refused = await up(objects, { 'disruption-budget': 'disabled' })
    expect(refused.output).toContain('adds the capability NET_ADMIN')
    expect(refused.code).not.toBe(0)
    const { code, output } = await up(objects, {
      'disruption-budget': 'disabled',
      privileged: { capabilities: ['NET_ADMIN'] },
    })
    expect(output).not.toContain('[mandatory]')
    expect(code).toBe(0)
  })

  it('has the version of the package', () => {
    const versionOf = (path: string) => JSON.parse(readFileSync(path, 'utf8')).version
    expect(versionOf(join(shipped, 'package.json'))).toBe(versionOf(join(root, 'package.json')))
  })
})
