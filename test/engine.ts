import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const makeEngine = 'npm run engine'

/** The folder that holds a Pulumi engine: one of PATH, else the one that `npm run engine` builds. */
export const engineFolder = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  execFileSync('node', [join(root, 'tools/engine/build.mjs'), '--print'], { encoding: 'utf8' }).trim(),
].find((folder) => existsSync(join(folder, 'pulumi')))

if (engineFolder === undefined && process.env['LLMSCALE_REQUIRE_ENGINE'] === '1')
  throw new Error(`LLMSCALE_REQUIRE_ENGINE is set and there is no Pulumi engine: ${makeEngine}`)

/** Put into the name of a suite, so that a skip says how to run it. */
export const engineNote =
  engineFolder === undefined ? ` (not run: no Pulumi engine; ${makeEngine})` : ' on the real engine'

/** Environment of a run with the engine, stand-ins for the providers, and nothing of the machine's own Pulumi. */
export const engineEnvironment: NodeJS.ProcessEnv = {
  PATH: `${engineFolder}${delimiter}${process.env['PATH']}`,
  LLMSCALE_PROVIDER_PLUGINS: join(root, 'test/doubles/bin'),
  GOGC: '400', // an engine lives for a second or two: a tenth less CPU for some memory
  GITHUB_ACTIONS: undefined,
  PULUMI_BACKEND_URL: undefined,
  PULUMI_CONFIG_PASSPHRASE: undefined,
}
