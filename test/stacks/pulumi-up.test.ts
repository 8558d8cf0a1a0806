import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'

const root = resolve(import.meta.dirname, '../..')
const doubles = join(root, 'test/doubles/bin')
const fromSource = process.env['LLMSCALE_TEST_SOURCE'] === '1'
const stackName = 'prod.us-east-1.serving'
const far = { validUntil: '2999-01-01T00:00:00Z' }

/** A project as users have it, with our Pulumi.yaml and the stand-ins beside it. */
function pulumiProject(plan: ReturnType<typeof capacityPlan>): string {
  const folder = projectFolder(plan)
  const settings = parse(readFileSync(join(root, 'Pulumi.yaml'), 'utf8'))
  const main = fromSource ? 'stacks/main.ts' : settings.main
  expect(existsSync(join(root, main))).toBe(true)
  // The engine wants the program below the project; users have it there in node_modules.
  writeFileSync(join(folder, 'main.mjs'), `export * from '${pathToFileURL(join(root, main))}'\n`)
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  if (fromSource)
    settings.runtime.options.nodeargs = `--import ${join(root, 'node_modules/tsx/dist/esm/index.mjs')}`
  const providers = [{ name: 'kubernetes', path: doubles }]
  writeFileSync(
    join(folder, 'Pulumi.yaml'),
    stringify({ ...settings, main: 'main.mjs', plugins: { providers } }),
  )
  mkdirSync(join(folder, settings.stackConfigDir), { recursive: true })
  return folder
}

async function pulumi(
  cwd: string,
  home: string,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    ...engineEnvironment,
    PATH: [doubles, engineEnvironment['PATH']].join(delimiter),
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${home}`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  }
  return promisify(execFile)('pulumi', ['--non-interactive', '--color', 'never', ...args], { cwd, env }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error) => ({ code: error.code, output: error.stdout + error.stderr }),
  )
}

describe.skipIf(engineFolder === undefined)(
  `a plain \`pulumi up\`${engineNote}`,
  { timeout: 180_000 },
  () => {
    it('deploys a sound plan and refuses too large a decrease and a held one', async () => {
      const home = emptyFolder()
      const cwd = pulumiProject(capacityPlan({}, far))
      const up = async () => pulumi(cwd, home, 'up', '--yes', '--skip-preview', '--stack', stackName)
      expect((await pulumi(cwd, home, 'stack', 'init', stackName)).output).toMatch(/Created stack/)
      const first = await up()
      expect(first.output).toContain('ScaledObject chat-70b-4216a7 created')
      expect(first.code).toBe(0)
      expect((await pulumi(cwd, home, 'stack', 'output', 'planId')).output).toContain(
        capacityPlan({}, far).planId,
      )

      const header = { ...far, baseline: capacityPlan({}, far).planId }
      writePlanFiles(
        join(cwd, 'forecasts/prod'),
        capacityPlan({ pools: [pool({ maximumNodes: 10 })] }, header),
      )
      const decrease = await up()
      expect(decrease.code).not.toBe(0)
      expect(decrease.output).toContain('GPUs of the pool limits in us-east-1 fall by 50 % (160 to 80)')

      mkdirSync(join(cwd, 'forecasts/prod/holds'))
      writeFileSync(join(cwd, 'forecasts/prod/holds/incident.yaml'), 'reason: incident 7\nby: ana\n')
      const held = await up()
      expect(held.code).not.toBe(0)
      expect(held.output).toContain('held by ana until its file is removed: incident 7')
      expect(held.output).not.toMatch(/^ +at /m)
    })
  },
)
