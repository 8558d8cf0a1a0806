import { access, constants, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import './defer-closures.js'
import {
  type Deployment,
  type EngineEvent,
  LocalWorkspace,
  type LocalWorkspaceOptions,
  type ProjectSettings,
  PulumiCommand,
  type PulumiFn,
  Stack,
  StackNotFoundError,
} from '@pulumi/pulumi/automation/index.js'
import { parse, stringify } from 'yaml'
import { digestText } from '../kit/digest.js'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'
import type { ChangeSet } from '../planning/change-set.js'
import { createChangeSet } from './change-set.js'
import { explainEngineFailure } from './engine-failure.js'

// Loads the Pulumi SDK: import it lazily.

/** One stack of the project, and where its engine keeps things. */
export interface StackOptions extends WorkspaceOptions {
  /** `<env>.<region>.<layer>` */
  stackName: string
  program: PulumiFn
  /** Pulumi secrets provider of a stack whose settings name none; default the backend's. */
  secretsProvider?: string
  /**
   * Read what is really there before previewing and deploying: EKS takes the sizes of a node group together, so a
   * desired size from an old state would end nodes that serve, and what is judged must be what is found then.
   */
  refresh?: boolean
}

/** Where the engine keeps things. */
interface WorkspaceOptions {
  /** The folder of llmscale.yaml: engine state goes to `.llmscale/` in it, stack settings come from `stacks/config/`. */
  projectFolder: string
  /** Pulumi backend URL; default files under `.llmscale/`. */
  backend?: string
}

/** What a run of the engine did. */
export interface EngineRun {
  /** Resources by operation, counted as a preview counts them: no components, providers and stacks. */
  changed: Record<string, number>
  /** SHA-256 of the engine's output, without colours. */
  outputDigest: string
}

const projectName = 'llmscale'

/**
 * What deploying the stack would change. Nothing is deployed and, after the call, nothing runs or is left in
 * temporary folders, interrupted or not.
 * Throws ENGINE_MISSING and ENGINE_FAILED; what the program itself throws comes through as it is.
 */
export async function previewStack(options: StackOptions): Promise<ChangeSet> {
  return withStack(options, (opened) => preview(opened, { refresh: options.refresh ?? false }))
}

/**
 * Deploys a stack: a preview, `approve`, and then exactly what was previewed, by an update plan of the engine
 * (https://www.pulumi.com/docs/iac/concepts/update-plans/). What an earlier run left half done is cleared first: its
 * lock of the backend, and creates that it never heard the end of, which `findCreated` looks up in the cloud.
 * @param approve is given the change set: throws to stop, gives false where there is nothing to do
 * @param findCreated id of a resource that exists already; undefined where there is none
 * Gives undefined where `approve` gave false. Throws as `previewStack` does.
 */
export async function deployStack(
  options: StackOptions,
  approve: (fresh: ChangeSet) => boolean,
  findCreated: FindCreated,
): Promise<EngineRun | undefined> {
  return withStack(options, async (opened) => {
    const { stack, signal, workDir } = opened
    await settlePendingCreates(opened, findCreated)
    if (options.refresh) await stack.refresh({ color: 'never', signal, suppressProgress: true })
    const plan = join(workDir, 'update-plan.json')
    if (!approve(await preview(opened, { plan }))) return undefined
    return record(opened, (onOutput, onEvent) =>
      stack.up({ color: 'never', plan, signal, onOutput, onEvent, suppressProgress: true }),
    )
  })
}

/**
 * Deletes everything that a stack has declared, except what is protected, and what an earlier run began to create and
 * never heard the end of, as `deployStack` finds it. Undefined for a stack that does not exist. Throws as
 * `previewStack`.
 */
export async function destroyStack(
  options: Omit<StackOptions, 'program'>,
  findCreated: FindCreated,
): Promise<EngineRun | undefined> {
  return withExistingStack(options, async (opened) => {
    await settlePendingCreates(opened, findCreated)
    return record(opened, (onOutput, onEvent) =>
      opened.stack.destroy({
        color: 'never',
        signal: opened.signal,
        onOutput,
        onEvent,
        suppressProgress: true,
        excludeProtected: true,
      }),
    )
  })
}

/** What the last deployment of a stack exported; undefined for a stack that does not exist. Throws as `previewStack`. */
export async function readStackOutputs(
  options: Omit<StackOptions, 'program'>,
): Promise<Record<string, unknown> | undefined> {
  return withExistingStack(options, async ({ stack }) => {
    // Not `stack.outputs`, which starts the engine twice.
    const { resources = [] }: Checkpoint = (await exportState(stack)).deployment ?? {}
    return resources.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs ?? {}
  })
}

/** What destroying a stack would delete, or leave because it is protected. */
interface StackResource {
  urn: string
  isProtected: boolean
}

/**
 * What a stack has declared in the cloud and in the cluster, and what a run that died began to create, in ascending order
 * of urn; undefined for a stack that does not exist. Throws as `previewStack`.
 */
export async function readStackResources(
  options: Omit<StackOptions, 'program'>,
): Promise<StackResource[] | undefined> {
  return withExistingStack(options, async ({ stack }) => {
    const { resources = [], pending_operations: operations = [] }: Checkpoint =
      (await exportState(stack)).deployment ?? {}
    const created = operations.filter(({ type }) => type === 'creating').map(({ resource }) => resource)
    return [...resources, ...created]
      .filter(({ type, custom }) => custom && !type.startsWith('pulumi:'))
      .map(({ urn, protect = false }) => ({ urn, isProtected: protect }))
      .sort((a, b) => (a.urn < b.urn ? -1 : 1))
  })
}

/**
 * Names of all stacks of the backend that hold anything, ascending. One that was destroyed, or previewed and never
 * deployed, holds nothing. Throws as `previewStack`.
 */
export async function listStacks(options: WorkspaceOptions): Promise<string[]> {
  return withWorkspace(options, async (settings) => {
    const workspace = await LocalWorkspace.create(settings)
    const stacks = await workspace.listStacks()
    return stacks
      .filter(({ resourceCount = 0 }) => resourceCount > 0)
      .map(({ name }) => name.split('/').at(-1)!)
      .sort()
  })
}

/** Frees a stack, where it exists, from the lock of a run that is known to be dead; the backend's own, beside ours. */
export async function cancelStack(options: Omit<StackOptions, 'program'>): Promise<void> {
  await withExistingStack(options, async ({ stack }) => stack.cancel().catch(() => undefined))
}

/** Work that needs no program, on a stack that may not exist: undefined then. */
async function withExistingStack<T>(
  options: Omit<StackOptions, 'program'>,
  work: (opened: OpenStack) => Promise<T>,
): Promise<T | undefined> {
  return withStack({ ...options, program: async () => undefined }, work, 'select').catch((error: unknown) => {
    if (error instanceof LlmscaleError && error.code === 'STACK_MISSING') return undefined
    throw error
  })
}

/** Id of a resource of a type with these inputs that exists in the cloud; undefined where there is none. */
export type FindCreated = (type: string, inputs: Record<string, unknown>) => Promise<string | undefined>

/** A stack that is open, in a folder of its own. */
export interface OpenStack {
  stack: Stack
  signal: AbortSignal
  workDir: string
  /** What the engine reported, for the message of a failure. */
  events: EngineEvent[]
}

async function preview(
  { stack, signal, events }: OpenStack,
  options: { refresh?: boolean; plan?: string },
): Promise<ChangeSet> {
  const own: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => {
    own.push(event)
    events.push(event)
  }
  await stack.preview({ color: 'never', signal, onEvent, ...options })
  return createChangeSet(own, stack.workspace.pulumiVersion)
}

async function record(
  { events, stack }: OpenStack,
  run: (onOutput: (text: string) => void, onEvent: (event: EngineEvent) => void) => Promise<unknown>,
): Promise<EngineRun> {
  let output = ''
  const own: EngineEvent[] = []
  await run(
    (text) => (output += text),
    (event) => {
      own.push(event)
      events.push(event)
    },
  )
  const changed: Record<string, number> = {}
  for (const { op } of createChangeSet(own, stack.workspace.pulumiVersion).changes)
    changed[op] = (changed[op] ?? 0) + 1
  return { changed, outputDigest: digestText(output) }
}

/**
 * A run that dies between a create and its note in the state leaves a pending create. The engine would make the
 * resource again, and its own `refresh --import-pending-creates` forgets what it is told of (3.246.0). So the state is
 * edited: what may exist is taken into it with its id, and refreshed, which drops what is not there after all.
 */
async function settlePendingCreates({ stack, signal }: OpenStack, findCreated: FindCreated): Promise<void> {
  const exported = await exportState(stack)
  const { resources = [], pending_operations: operations = [] }: Checkpoint = exported.deployment ?? {}
  const pending = operations.filter(({ type }) => type === 'creating')
  if (pending.length === 0) return
  const found = new Map<string, CheckpointResource>()
  for (const { resource } of pending) {
    // The replacement of something that stands: the state cannot hold both, and a cluster takes the same object twice.
    if (resources.some(({ urn }) => urn === resource.urn)) continue
    const id = await findCreated(resource.type, resource.inputs ?? {})
    if (id !== undefined) found.set(resource.urn, { ...resource, id })
  }
  await stack.importStack({
    ...exported,
    deployment: {
      ...exported.deployment,
      resources: [...resources, ...found.values()],
      pending_operations: operations.filter(({ type }) => type !== 'creating'),
    },
  })
  if (found.size > 0)
    await stack.refresh({ color: 'never', signal, suppressProgress: true, target: [...found.keys()] })
}

/**
 * The engine's state of a stack, secrets as they are kept there. Not `stack.exportStack`, which asks for them in plain
 * text: they would stand in a file of ours when the state is imported, and deriving the key takes longer than the rest.
 */
async function exportState({ name, workspace }: Stack): Promise<Deployment> {
  const { pulumiCommand, pulumiHome, workDir, envVars } = workspace
  const variables = { ...envVars, ...(pulumiHome !== undefined && { PULUMI_HOME: pulumiHome }) }
  const engine = pulumiCommand as EngineCommand
  const { stdout } = await engine.run(['stack', 'export', '--stack', name], workDir, variables)
  return JSON.parse(stdout)
}

/** With the method that the SDK's own commands go through, and its types leave out. */
type EngineCommand = PulumiCommand & {
  run(args: string[], cwd: string, variables: Record<string, string>): Promise<{ stdout: string }>
}

/** The part of the engine's state that is edited. */
interface Checkpoint {
  resources?: CheckpointResource[]
  pending_operations?: { type: string; resource: CheckpointResource }[]
}

interface CheckpointResource {
  urn: string
  type: string
  /** False for a component, which is in the state alone. */
  custom: boolean
  protect?: boolean
  id?: string
  inputs?: Record<string, unknown>
  outputs?: Record<string, unknown>
}

/**
 * Opens a stack in a folder of its own, runs the work and cleans up, whatever happens. Every command names the stack, so
 * it is not selected first, which is a process more: the work's first command tells where there is none. In mode
 * `create` it is made then, and the work begins again.
 */
export async function withStack<T>(
  options: StackOptions,
  work: (opened: OpenStack) => Promise<T>,
  mode: 'create' | 'select' = 'create',
): Promise<T> {
  const events: EngineEvent[] = []
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
  const open = async (settings: Workspace, signal: AbortSignal): Promise<T> => {
    const { workDir } = settings
    await writeStackSettings(options, workDir)
    const workspace = await LocalWorkspace.create({
      ...settings,
      program,
      ...(options.secretsProvider !== undefined && { secretsProvider: options.secretsProvider }),
    })
    workspace.selectStack = async () => undefined
    const stack = await Stack.select(options.stackName, workspace)
    leaveSummaries(stack)
    const opened = { stack, signal, workDir, events }
    try {
      return await work(opened)
    } catch (error) {
      if (mode !== 'create' || !(error instanceof StackNotFoundError)) throw error
      await workspace.createStack(options.stackName)
      return await work(opened)
    }
  }
  return withWorkspace(options, open, (error) =>
    error instanceof StackNotFoundError
      ? new LlmscaleError('engineFailed', 'STACK_MISSING', `stack ${options.stackName} does not exist`)
      : (failure ?? engineFailed(events, error)),
  )
}

/** After each run the SDK asks for outputs and history: up to three more processes, whose answers nobody reads here. */
function leaveSummaries(stack: Stack): void {
  stack.outputs = async () => ({})
  stack.info = async () => undefined
}

type Workspace = LocalWorkspaceOptions & { workDir: string }

/** Workspaces open at a time: what they share is removed when the last one closes. */
let openWorkspaces = 0

/**
 * Runs the work in a folder of its own and cleans up, whatever happens.
 * @param explain what to throw for a failure that is not ours
 */
async function withWorkspace<T>(
  { projectFolder, backend }: WorkspaceOptions,
  work: (settings: Workspace, signal: AbortSignal) => Promise<T>,
  explain: (error: unknown) => unknown = (error) => engineFailed([], error),
): Promise<T> {
  const pulumiCommand = await findEngine()
  const home = join(projectFolder, '.llmscale', 'pulumi')
  const state = join(home, 'state')
  for (const folder of [home, state]) await mkdir(folder, { recursive: true })
  const workDir = await mkdtemp(join(home, 'work-'))
  openWorkspaces++
  const abort = new AbortController()
  const run = async (): Promise<T> => {
    try {
      const settings = {
        workDir,
        pulumiHome: join(home, 'home'),
        pulumiCommand,
        projectSettings: await createProjectSettings(backend ?? fileBackend(state)),
        envVars: engineVariables(backend),
      }
      return await work(settings, abort.signal)
    } catch (error) {
      if (abort.signal.aborted) throw new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted.')
      throw error instanceof LlmscaleError ? error : explain(error)
    } finally {
      openWorkspaces--
      await rm(workDir, { recursive: true, force: true })
      // The engine notes the selected stack of every work folder it has ever seen.
      if (openWorkspaces === 0) await rm(join(home, 'home', 'workspaces'), { recursive: true, force: true })
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
  const path = process.env['PATH'] ?? ''
  if (found?.path === path) return found.engine
  const engine = await lookForEngine(path.split(delimiter))
  found = { path: process.env['PATH'] ?? '', engine }
  return engine
}

/** Of this process: the engine is asked for its version once. */
let found: { path: string; engine: PulumiCommand } | undefined

async function lookForEngine(onPath: readonly string[]): Promise<PulumiCommand> {
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

function engineVariables(backend: string | undefined): Record<string, string> {
  const variables: Record<string, string> = { PULUMI_SKIP_UPDATE_CHECK: 'true' }
  if (isUnlocked(backend)) variables['PULUMI_CONFIG_PASSPHRASE'] = noSecret.passphrase
  if (process.env['LLMSCALE_PROVIDER_PLUGINS'] !== undefined)
    variables['PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION'] = 'true'
  return variables
}

/** The local backend holds no secrets of ours, and a passphrase is asked for all the same. */
const isUnlocked = (backend: string | undefined): boolean =>
  backend === undefined && process.env['PULUMI_CONFIG_PASSPHRASE'] === undefined

/**
 * A passphrase that everybody may know, and a salt with its proof, as the engine writes it for this passphrase. With the
 * same salt each time it derives one key in each process, not a second one for the state.
 */
const noSecret = {
  passphrase: 'llmscale-local',
  salt: 'v1:QTryDGGJX4k=:v1:gmTr82K/KLI8fb+k:Dqo2rL+7ak3WXm6tfCZN0aXPxqrA/g==',
}

/**
 * Without the files of attributes that the engine would write beside each checkpoint: they are not replaced whole, and
 * one that a dead engine left empty makes a stack unreadable ("failed to load checkpoint: EOF").
 * https://pkg.go.dev/gocloud.dev/blob/fileblob#URLOpener
 */
const fileBackend = (folder: string): string => `file://${folder}?metadata=skip`

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

/**
 * A team's own settings of a stack count. The engine looks for the secrets provider there and notes it when it makes a
 * stack, but in a folder that goes: so it is named each time. A salt or an encrypted key that is not in the settings is
 * made anew; the state carries that of its own secrets.
 */
async function writeStackSettings(
  { projectFolder, stackName, secretsProvider, backend }: StackOptions,
  workDir: string,
): Promise<void> {
  const file = `Pulumi.${stackName}.yaml`
  const path = join(projectFolder, 'stacks', 'config', file)
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    return ''
  })
  const settings = parse(text) as Record<string, unknown> | null
  const isNamed = settings?.['secretsprovider'] !== undefined || settings?.['encryptionsalt'] !== undefined
  const added = {
    ...(secretsProvider !== undefined && { secretsprovider: secretsProvider }),
    ...(secretsProvider === undefined && isUnlocked(backend) && { encryptionsalt: noSecret.salt }),
  }
  const named = isNamed || Object.keys(added).length === 0 ? text : stringify({ ...settings, ...added })
  if (named !== '') await writeFile(join(workDir, file), named)
}

/** The engine repeats its whole output in its message, twice; its events say it once. */
function engineFailed(events: readonly EngineEvent[], error: unknown): LlmscaleError {
  const reported = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent !== undefined && ['error', 'warning'].includes(diagnosticEvent.severity)
      ? [diagnosticEvent.message.trim()]
      : [],
  )
  const stderr = /stderr: ?(?:Command failed with exit code \d+: [^\n]*\n)?([\s\S]*?)(?:\n ?err\?: |$)/.exec(
    error instanceof Error ? error.message : String(error),
  )?.[1]
  const lines = reported.length > 0 ? reported : [stderr?.trim() || String(error)]
  const { code, message, tryThis } = explainEngineFailure(lines)
  return new LlmscaleError('engineFailed', code, message, tryThis)
}
