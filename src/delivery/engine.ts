import { access, constants, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import {
  type EngineEvent,
  LocalWorkspace,
  type ProjectSettings,
  PulumiCommand,
  type PulumiFn,
  type Stack,
} from '@pulumi/pulumi/automation/index.js'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'
import type { ChangeSet } from '../manifests/change-set.js'
import { createChangeSet } from './change-set.js'

// Loads the Pulumi SDK: import it lazily.

/** One stack of the project, and where its engine keeps things. */
export interface StackOptions {
  /** `<env>.<region>.<layer>` */
  stackName: string
  program: PulumiFn
  /** The folder of llmscale.yaml: engine state goes to `.llmscale/` in it, stack settings come from `stacks/config/`. */
  projectFolder: string
  /** Pulumi backend; default files under `.llmscale/`. */
  backend?: string
}

const projectName = 'llmscale'

/**
 * What deploying the stack would change. Nothing is deployed and, after the call, nothing runs or is left in
 * temporary folders, interrupted or not.
 * Throws ENGINE_MISSING and ENGINE_FAILED; what the program itself throws comes through as it is.
 */
export async function previewStack(options: StackOptions): Promise<ChangeSet> {
  const events: EngineEvent[] = []
  const engineVersion = await withStack(
    options,
    async (stack, signal) => {
      await stack.preview({ color: 'never', signal, onEvent: (event) => events.push(event) })
      return stack.workspace.pulumiVersion
    },
    events,
  )
  return createChangeSet(events, engineVersion)
}

/** Opens a stack in a folder of its own, runs the work and cleans up, whatever happens. */
export async function withStack<T>(
  options: StackOptions,
  work: (stack: Stack, signal: AbortSignal) => Promise<T>,
  events: EngineEvent[] = [],
): Promise<T> {
  const pulumiCommand = await findEngine()
  const home = join(options.projectFolder, '.llmscale', 'pulumi')
  const state = join(home, 'state')
  for (const folder of [home, state]) await mkdir(folder, { recursive: true })
  const workDir = await mkdtemp(join(home, 'work-'))
  const abort = new AbortController()
  // The program's own failure says more than the engine's report of it.
  let failure: unknown
  const program: PulumiFn = async () => {
    try {
      return await options.program()
    } catch (error) {
      failure = error
      throw error
    }
  }
  const run = async (): Promise<T> => {
    try {
      await copyStackSettings(options, workDir)
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: options.stackName, projectName, program },
        {
          workDir,
          pulumiHome: join(home, 'home'),
          pulumiCommand,
          projectSettings: await createProjectSettings(options.backend ?? `file://${state}`),
          envVars: engineVariables(options),
        },
      )
      return await work(stack, abort.signal)
    } catch (error) {
      if (abort.signal.aborted) throw new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted.')
      throw failure ?? engineFailed(events, error)
    } finally {
      // The engine notes the selected stack of every work folder it has ever seen.
      for (const folder of [workDir, join(home, 'home', 'workspaces')])
        await rm(folder, { recursive: true, force: true })
    }
  }
  const running = run()
  const done = onInterrupt(async () => {
    abort.abort()
    await running.catch(() => undefined)
  })
  try {
    return await running
  } finally {
    done()
  }
}

/** Version of the engine that would be used. Throws ENGINE_MISSING and ENGINE_UNUSABLE. */
export async function findEngineVersion(): Promise<string> {
  const { version } = await findEngine()
  return version?.version ?? 'unknown'
}

/**
 * The engine on PATH, else Pulumi's own place, else the one that `npm run engine` built. Throws ENGINE_MISSING, and
 * ENGINE_UNUSABLE for one that does not run or is too old.
 */
async function findEngine(): Promise<PulumiCommand> {
  const onPath = process.env['PATH']?.split(delimiter) ?? []
  for (const folder of [...onPath, join(homedir(), '.pulumi', 'bin'), ...(await builtEngines())]) {
    if (!(await isExecutable(join(folder, 'pulumi')))) continue
    // The Automation API looks on PATH alone, and so do the plug-ins that the engine starts.
    if (!onPath.includes(folder)) process.env['PATH'] = [folder, ...onPath].join(delimiter)
    try {
      return await PulumiCommand.get()
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message.trim() : String(cause)
      throw new LlmscaleError(
        'engineFailed',
        'ENGINE_UNUSABLE',
        `${join(folder, 'pulumi')}: ${detail}`,
        installEngine,
      )
    }
  }
  throw new LlmscaleError(
    'engineFailed',
    'ENGINE_MISSING',
    'The Pulumi engine (pulumi) is neither on PATH nor in the cache.',
    installEngine,
  )
}

const installEngine = [
  'curl -fsSL https://get.pulumi.com | sh',
  'npm run engine, in a checkout of llmscale: builds it from Go modules',
]

/** Newest version first. */
async function builtEngines(): Promise<string[]> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'llmscale')
  const names = await readdir(cache).catch(() => [])
  return names
    .filter((name) => name.startsWith('engine-'))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(cache, name))
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function engineVariables({ backend }: StackOptions): Record<string, string> {
  const variables: Record<string, string> = { PULUMI_SKIP_UPDATE_CHECK: 'true' }
  // The local backend holds no secrets of ours; a passphrase is asked for all the same.
  if (backend === undefined && process.env['PULUMI_CONFIG_PASSPHRASE'] === undefined)
    variables['PULUMI_CONFIG_PASSPHRASE'] = 'llmscale-local'
  if (process.env['LLMSCALE_PROVIDER_PLUGINS'] !== undefined)
    variables['PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION'] = 'true'
  return variables
}

/** For tests: LLMSCALE_PROVIDER_PLUGINS names a folder of `pulumi-resource-*` that stand in for real providers. */
async function createProjectSettings(backendUrl: string): Promise<ProjectSettings> {
  const folder = process.env['LLMSCALE_PROVIDER_PLUGINS']
  const names = folder === undefined ? [] : await readdir(folder)
  // The SDK's type of Pulumi.yaml lacks `plugins`.
  const settings: ProjectSettings & { plugins: object } = {
    name: projectName,
    runtime: 'nodejs',
    backend: { url: backendUrl },
    plugins: {
      providers: names
        .filter((name) => name.startsWith('pulumi-resource-'))
        .map((name) => ({ name: name.slice('pulumi-resource-'.length), path: folder! })),
    },
  }
  return settings
}

/** Which cluster a stack deploys to stands in its settings (`kubernetes:context`). */
async function copyStackSettings({ projectFolder, stackName }: StackOptions, workDir: string): Promise<void> {
  const file = `Pulumi.${stackName}.yaml`
  await copyFile(join(projectFolder, 'stacks', 'config', file), join(workDir, file)).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause
    },
  )
}

/** The engine repeats its whole output in its message, twice; its error events say it once. */
function engineFailed(events: readonly EngineEvent[], error: unknown): LlmscaleError {
  const reported = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent?.severity === 'error' ? [diagnosticEvent.message.trim()] : [],
  )
  const stderr = /stderr: ?([\s\S]*?)(?:\nerr\?: |$)/.exec(
    error instanceof Error ? error.message : String(error),
  )?.[1]
  const lines = reported.length > 0 ? reported : [stderr?.trim() || String(error)]
  return new LlmscaleError(
    'engineFailed',
    'ENGINE_FAILED',
    `The Pulumi engine failed:\n${[...new Set(lines)].join('\n')}`,
  )
}
