import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { emptyFolder } from './run-cli.js'
import { refuseSecrets } from './secrets.js'

// A stand-in for GitHub's runner: it reads a workflow as GitHub documents it, evaluates the expressions in it, and runs
// the `run:` steps with bash in their order, each job on an empty disk. Actions of others are played by the test.
// What it does not play: OIDC, protection rules, schedules, permissions of the token, masking of secrets.

export interface Step {
  name?: string
  id?: string
  if?: string
  uses?: string
  run?: string
  shell?: string
  with?: Record<string, unknown>
  env?: Record<string, unknown>
}

export interface Job {
  if?: string
  needs?: string | string[]
  'runs-on': string
  'timeout-minutes'?: number
  permissions?: Record<string, string>
  environment?: string
  concurrency?: { group: string; 'cancel-in-progress': boolean }
  strategy?: { matrix: Record<string, unknown> }
  outputs?: Record<string, string>
  env?: Record<string, unknown>
  steps: Step[]
}

export interface Workflow {
  on: Record<string, unknown>
  permissions?: Record<string, string>
  env?: Record<string, unknown>
  jobs: Record<string, Job>
}

interface CompositeAction {
  inputs?: Record<string, { default?: string }>
  outputs?: Record<string, { value: string }>
  runs: { steps: Step[] }
}

interface StepRun {
  name: string
  code: number
  output: string
}

export interface JobRun {
  job: string
  result: 'success' | 'failure' | 'skipped'
  workspace: string
  steps: StepRun[]
  outputs: Record<string, string>
}

/** What an action is given, and what it may change. */
interface ActionCall {
  inputs: Record<string, string>
  workspace: string
  /** Of the steps that follow. */
  environment: Record<string, string>
  github: Record<string, unknown>
}

export interface Runner {
  /** `github`, `vars`, `secrets`, `inputs`. */
  contexts: Record<string, unknown>
  /** Environment of the machine. */
  environment: NodeJS.ProcessEnv
  /** Actions by owner and name; each gives its outputs. */
  actions: Record<string, (call: ActionCall) => Record<string, string>>
}

const readYaml = <T>(path: string): T => parse(readFileSync(path, 'utf8'))

/** A workflow of this repository, by its file. */
export const workflowOf = (file: string) =>
  readYaml<Workflow>(resolve(import.meta.dirname, '../.github/workflows', file))

/** Runs the jobs of a workflow in the order of their needs, one after the other. */
export async function runWorkflow(workflow: Workflow, runner: Runner): Promise<JobRun[]> {
  const runs: JobRun[] = []
  const waiting = new Map(Object.entries(workflow.jobs))
  while (waiting.size > 0) {
    const ready = [...waiting].find(([, job]) => needsOf(job).every((name) => !waiting.has(name)))
    if (ready === undefined) throw new Error('the jobs need each other')
    const [name, job] = ready
    waiting.delete(name)
    runs.push(...(await runMatrix(workflow, name, job, runner, runs)))
  }
  return runs
}

const needsOf = ({ needs = [] }: Job) => [needs].flat()

async function runMatrix(
  workflow: Workflow,
  name: string,
  job: Job,
  runner: Runner,
  before: readonly JobRun[],
): Promise<JobRun[]> {
  const needed = needsOf(job).map((need) => before.find(({ job: each }) => each === need)!)
  const needs = Object.fromEntries(needed.map((run) => [run.job, run]))
  const contexts = { ...runner.contexts, needs }
  const succeeded = needed.every(({ result }) => result === 'success')
  const skipped: JobRun = { job: name, result: 'skipped', workspace: '', steps: [], outputs: {} }
  if (!isTrue(job.if, { ...contexts, failed: !succeeded })) return [skipped]
  const [[key, values] = ['', ['']]] = Object.entries(job.strategy?.matrix ?? {}).map(
    ([each, list]) => [each, interpolate(list, contexts) as unknown[]] as const,
  )
  const runs: JobRun[] = []
  for (const value of values)
    runs.push(
      await runJob(workflow, name, job, { ...runner, contexts: { ...contexts, matrix: { [key]: value } } }),
    )
  return runs
}

async function runJob(workflow: Workflow, name: string, job: Job, runner: Runner): Promise<JobRun> {
  const workspace = join(emptyFolder(), 'work')
  const temporary = emptyFolder()
  mkdirSync(workspace)
  const github = runner.contexts['github'] as Record<string, unknown>
  writeFileSync(join(temporary, 'event.json'), JSON.stringify(github['event']))
  const machine: Machine = {
    ...runner,
    workspace,
    temporary,
    path: [],
    steps: [],
    failed: false,
    environment: {
      ...runner.environment,
      ...defaultVariables(github),
      GITHUB_WORKSPACE: workspace,
      GITHUB_EVENT_PATH: join(temporary, 'event.json'),
      RUNNER_TEMP: temporary,
      HOME: temporary,
      ...texts(workflow.env, runner.contexts),
      ...texts(job.env, runner.contexts),
    },
  }
  const steps = await runSteps(job.steps, machine, runner.contexts)
  const contexts = { ...runner.contexts, steps }
  return {
    job: name,
    result: machine.failed ? 'failure' : 'success',
    workspace,
    steps: machine.steps,
    outputs: texts(job.outputs, contexts),
  }
}

function defaultVariables(github: Record<string, unknown>): Record<string, string> {
  const names = [
    'event_name',
    'repository',
    'ref',
    'ref_name',
    'sha',
    'actor',
    'base_ref',
    'head_ref',
    'run_id',
    'server_url',
  ]
  const known = names.flatMap((name) =>
    github[name] === undefined ? [] : [[`GITHUB_${name.toUpperCase()}`, String(github[name])]],
  )
  return { ...Object.fromEntries(known), CI: 'true', GITHUB_ACTIONS: 'true' }
}

interface Machine extends Runner {
  workspace: string
  temporary: string
  /** What steps put before PATH. */
  path: string[]
  steps: StepRun[]
  failed: boolean
}

type StepOutputs = Record<string, { outputs: Record<string, string> }>

async function runSteps(
  steps: readonly Step[],
  machine: Machine,
  outer: Record<string, unknown>,
): Promise<StepOutputs> {
  const outputs: StepOutputs = {}
  for (const step of steps) {
    const contexts = { ...outer, steps: outputs, env: machine.environment, failed: machine.failed }
    if (!isTrue(step.if, contexts)) continue
    const result = await runStep(step, machine, contexts)
    if (step.id !== undefined) outputs[step.id] = { outputs: result }
  }
  return outputs
}

async function runStep(
  step: Step,
  machine: Machine,
  contexts: Record<string, unknown>,
): Promise<Record<string, string>> {
  if (step.run !== undefined) return runScript(step, machine, contexts)
  const inputs = texts(step.with, contexts)
  if (step.uses!.startsWith('./'))
    return runComposite(join(machine.workspace, step.uses!), inputs, machine, contexts)
  const action = machine.actions[step.uses!.split('@')[0]!]
  if (action === undefined) throw new Error(`nobody plays ${step.uses}`)
  const { workspace, environment } = machine
  const github = contexts['github'] as Record<string, unknown>
  return action({ inputs, workspace, environment: environment as Record<string, string>, github })
}

async function runComposite(
  folder: string,
  given: Record<string, string>,
  machine: Machine,
  outer: Record<string, unknown>,
): Promise<Record<string, string>> {
  const action = readYaml<CompositeAction>(join(folder, 'action.yml'))
  const stranger = Object.keys(given).find((name) => action.inputs?.[name] === undefined)
  if (stranger !== undefined) throw new Error(`${folder} has no input ${stranger}`)
  const defaults = Object.entries(action.inputs ?? {}).map(([name, input]) => [name, input.default ?? ''])
  // Secrets do not reach a composite action.
  const { secrets: _, ...contexts } = {
    ...outer,
    inputs: { ...Object.fromEntries(defaults), ...given },
  } as Record<string, unknown>
  const steps = await runSteps(action.runs.steps, machine, contexts)
  const values = Object.entries(action.outputs ?? {}).map(([name, { value }]) => [name, value])
  return texts(Object.fromEntries(values), { ...contexts, steps })
}

async function runScript(
  step: Step,
  machine: Machine,
  contexts: Record<string, unknown>,
): Promise<Record<string, string>> {
  const files = {
    GITHUB_OUTPUT: 'output',
    GITHUB_ENV: 'env',
    GITHUB_PATH: 'path',
    GITHUB_STEP_SUMMARY: 'summary',
  }
  const paths = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, join(machine.temporary, file)]),
  )
  for (const path of Object.values(paths)) writeFileSync(path, '')
  const env = {
    ...machine.environment,
    ...texts(step.env, contexts),
    ...paths,
    PATH: [...machine.path, machine.environment['PATH']].join(':'),
  }
  const script = interpolate(step.run, contexts) as string
  const { code, output } = await runBash(script, machine.workspace, env)
  refuseSecrets(output, `what ${step.name ?? script} prints`, env)
  machine.steps.push({ name: step.name ?? script, code, output })
  if (code !== 0) machine.failed = true
  const read = (name: keyof typeof files) => readFileSync(paths[name]!, 'utf8').split('\n').filter(Boolean)
  machine.path.unshift(...read('GITHUB_PATH'))
  Object.assign(machine.environment, toRecord(read('GITHUB_ENV')))
  return toRecord(read('GITHUB_OUTPUT'))
}

/** As `shell: bash` does. */
function runBash(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  return new Promise((done, fail) => {
    const args = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script]
    const child = spawn('bash', args, {
      cwd: existsSync(cwd) ? cwd : '/',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', fail)
    child.on('close', (code) => done({ code: code ?? -1, output }))
  })
}

function toRecord(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** A condition without a status function holds only while nothing has failed. */
function isTrue(condition: string | undefined, contexts: Record<string, unknown>): boolean {
  const expression = (condition ?? 'success()').replace(/^\$\{\{|\}\}$/g, '')
  const names = /\b(success|failure|always|cancelled)\(/.test(expression)
  return Boolean(evaluate(names ? expression : `success() && (${expression})`, contexts))
}

const texts = (values: Record<string, unknown> | undefined, contexts: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(values ?? {}).map(([name, value]) => [name, String(interpolate(value, contexts))]),
  )

/** A text that is one expression gives its value, whatever its type; others become texts. */
function interpolate(value: unknown, contexts: Record<string, unknown>): unknown {
  if (typeof value !== 'string') return value
  const whole = /^\$\{\{((?:(?!\}\}).)*)\}\}$/.exec(value)
  if (whole) return evaluate(whole[1]!, contexts)
  return value.replace(/\$\{\{(.*?)\}\}/g, (_, expression) => String(evaluate(expression, contexts)))
}

/**
 * The value of an expression (https://docs.github.com/en/actions/reference/workflows-and-actions/expressions), which but
 * for its texts and paths reads as JavaScript does. What is not there is an empty text, with which it compares equal.
 */
export function evaluate(expression: string, contexts: Record<string, unknown>): unknown {
  const code = expression.replace(
    /'((?:[^']|'')*)'|([a-zA-Z_][\w-]*(?:\.(?:[\w-]+|\*))*)(\s*\()?/g,
    (_, text?: string, path?: string, call?: string) => {
      if (text !== undefined) return JSON.stringify(text.replaceAll("''", "'"))
      if (call !== undefined) return `functions.${path}(`
      return /^(true|false|null)$/.test(path!) ? path! : `lookUp(${JSON.stringify(path)})`
    },
  )
  // After `*`, which stands for all of a list, a key is one of each.
  const lookIn = (value: unknown, key: string): unknown =>
    Array.isArray(value) ? value.map((each) => lookIn(each, key)) : (value as Record<string, unknown>)?.[key]
  const lookUp = (path: string) =>
    path
      .split('.')
      .filter((key) => key !== '*')
      .reduce(lookIn, contexts) ?? ''
  const failed = contexts['failed'] === true
  const functions = {
    success: () => !failed,
    failure: () => failed,
    always: () => true,
    cancelled: () => false,
    fromJSON: (text: string) => JSON.parse(text),
    contains: (whole: string | string[], part: string) => whole.includes(part),
    startsWith: (text: string, part: string) => text.startsWith(part),
  }
  return new Function('lookUp', 'functions', `return (${code})`)(lookUp, functions)
}
