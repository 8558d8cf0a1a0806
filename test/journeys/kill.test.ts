import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pLimit from 'p-limit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Receipt } from '../../src/delivery/receipt.js'
import { exitCodes } from '../../src/kit/errors.js'
import { createRandom, type Random } from '../../src/kit/random.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { commitment } from '../capacity-fixture.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { type CliRun, emptyFolder, programArgs } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { type StandInAws, startAws } from '../stand-in-aws.js'

// Apply and destroy are killed at random and run again; what counts is what is in the stand-in cloud then. Seeds go by
// turns: a change of a plan, deployed to what the first left; the end of all that; two regions at the same time; and the
// first plan, deployed to nothing. By default the first three of these once, as the first plan is killed where it buys
// too; `npm run test:kill` has many seeds.

const seeds = Number(process.env['LLMSCALE_KILL_SEEDS'] ?? 3)
const asOf = '2026-11-02T00:00:00Z'
/** Of each change in the cloud; half of it after the object is there. */
const delayMilliseconds = 200

const config = configText(
  `regions: [us-east-1], tags: {team: serving}, budget: {usdPerDay: 5000}, nodes: {manager: managed-node-groups, amiAlias: al2023@v20260901}, clusters: {us-east-1: {name: prod, nodeRole: 'arn:aws:iam::000000000000:role/gpu', subnets: [subnet-1, subnet-2], zones: [us-east-1a, us-east-1b]}}`,
)
/** Two regions, with a model of its own in each, so that the one stand-in cloud tells them apart. */
const regionsConfig = configText('regions: [us-east-1, eu-west-1]')
  .replace('models: {', 'models: {chat-eu: {architecture: llama-3.1-70b}, ')
  .concat('  - model: chat-eu\n    regions: [eu-west-1]\n')
  .concat('    target: {kind: Deployment, name: chat-eu, namespace: serving}\n    slo: {ttftP95: 2s}\n')
const floors = (minReplicas: number) => ({ minReplicas, windows: [], exceptions: [] })
const reserved = pool({ capacityType: 'reserved', maximumNodes: 2, weight: 60 })
const firstPlan = capacityPlan({
  workloads: [workloadDecision({ floors: floors(2), hardMaximum: 36 })],
  pools: [pool({ maximumNodes: 20 }), reserved],
  commitments: [commitment()],
})
/** More of everything, and another reservation. */
const changedPlan = capacityPlan(
  {
    workloads: [workloadDecision({ floors: floors(4), hardMaximum: 40 })],
    pools: [pool({ maximumNodes: 24 }), { ...reserved, maximumNodes: 3 }],
    commitments: [commitment(), commitment({ name: 'spring', count: 1, zone: 'us-east-1a' })],
  },
  { baseline: firstPlan.planId, origin: '2026-11-01T12:00:00Z' },
)

const regionsPlan = capacityPlan({
  workloads: [
    workloadDecision({ floors: floors(2) }),
    workloadDecision({ model: 'chat-eu', region: 'eu-west-1', floors: floors(3), hardMaximum: 30 }),
  ],
  pools: [pool(), pool({ region: 'eu-west-1' })],
})

/** A project with a cloud of its own. */
interface Project {
  cwd: string
  cloud: string
  /** What the providers were asked, a line each. */
  log: string
}

function createProject(plan: CapacityPlan, settings = config): Project {
  return { cwd: projectFolder(plan, settings), cloud: emptyFolder(), log: join(emptyFolder(), 'calls') }
}

function copyProject({ cwd, cloud }: Project): Project {
  const copy = { cwd: emptyFolder(), cloud: emptyFolder(), log: join(emptyFolder(), 'calls') }
  cpSync(cwd, copy.cwd, { recursive: true })
  cpSync(cloud, copy.cloud, { recursive: true })
  return copy
}

/** A project before and after a run that nobody disturbed. */
interface Reference {
  /** The run. */
  args: readonly string[]
  before: Project
  after: Project
  /** How long it took, and how many changes it made in the cloud. */
  milliseconds: number
  changes: number
}

interface Run {
  child: ChildProcess
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** Starts llmscale in a process group of its own, with a stand-in for AWS that answers from the project's cloud. */
async function start(project: Project, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const aws = await startAccount(project)
  const child = spawn(process.execPath, [...programArgs, ...args], {
    cwd: project.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environmentOf(project, aws), ...env },
  })
  return { child, ended: watch(child, aws) }
}

async function watch(child: ChildProcess, aws: StandInAws): Promise<Awaited<Run['ended']>> {
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'exit')) as [number | null]
  await aws.stop()
  return { code, stdout, stderr }
}

const account = {
  quotas: { 'L-417A185B': 10_000 },
  zones: { 'p5.48xlarge': ['us-east-1a', 'us-east-1b'] },
}

async function startAccount({ cloud }: Project): Promise<StandInAws> {
  const aws = await startAws(cloud)
  Object.assign(aws.account, account)
  return aws
}

const environmentOf = ({ cloud, log }: Project, aws: StandInAws): NodeJS.ProcessEnv => ({
  ...engineEnvironment,
  ...aws.environment,
  LLMSCALE_STAND_IN_CLOUD: cloud,
  LLMSCALE_DOUBLE_LOG: log,
  LLMSCALE_STAND_IN_DELAY_MS: String(delayMilliseconds),
  HOME: cloud,
  KUBECONFIG: undefined,
})

const applyArgs = [
  'apply',
  '--as-of',
  asOf,
  '--yes',
  '--allow-purchase',
  'winter',
  '--allow-purchase',
  'spring',
]
const destroyArgs = ['destroy', '--yes', '--allow-delete', 'prod']

/** Nobody disturbs it. */
async function run(project: Project, args: readonly string[]): Promise<CliRun> {
  const aws = await startAccount(project)
  try {
    return await runCommand([...args], { cwd: project.cwd, env: environmentOf(project, aws) })
  } finally {
    await aws.stop()
  }
}

/** Runs undisturbed, as a process, what others are killed in. */
async function createReference(before: Project, args: readonly string[] = applyArgs): Promise<Reference> {
  const after = copyProject(before)
  const startedAt = Date.now()
  const { code, stderr } = await (await start(after, args)).ended
  expect(code, stderr).toBe(0)
  return { args, before, after, milliseconds: Date.now() - startedAt, changes: countChanges(after) }
}

interface Call {
  call: string
  preview?: boolean
  pid: number
  parent: number
}

function readCalls({ log }: Project): Call[] {
  if (!existsSync(log)) return []
  // The last line may be half written.
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

function countChanges(project: Project): number {
  const changes = ['create', 'update', 'delete']
  return readCalls(project).filter(({ call, preview }) => changes.includes(call) && preview !== true).length
}

/** How often an engine told its providers to stop. */
const countCancels = (project: Project): number =>
  readCalls(project).filter(({ call }) => call === 'cancel').length

/** Every object in the cloud, by the path of its file. */
function readCloud({ cloud }: Project): Record<string, unknown> {
  const paths = readdirSync(cloud, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(aws|kubernetes)\/.*\.json$/.test(path))
    .sort()
  return Object.fromEntries(paths.map((path) => [path, JSON.parse(readFileSync(join(cloud, path), 'utf8'))]))
}

const stacks = ['us-east-1', 'eu-west-1'].flatMap((region) => [
  `prod.${region}.capacity`,
  `prod.${region}.serving`,
])

interface Managed {
  urn: string
  type: string
  id?: string
  inputs?: object
  protect?: boolean
}

/** The engine's state of every stack that there is. */
function readStates({
  cwd,
}: Project): { resources?: Managed[]; pending_operations?: { type: string; resource: Managed }[] }[] {
  return stacks
    .map((stack) => join(cwd, '.llmscale/pulumi/state/.pulumi/stacks/llmscale', `${stack}.json`))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')).checkpoint.latest ?? {})
}

/** What the engine says that it manages, in the cloud and in the cluster. */
function listManaged(project: Project): Managed[] {
  return readStates(project)
    .flatMap(({ resources = [] }) => resources)
    .filter(({ type }) => /^(aws|kubernetes):/.test(type))
    .map(({ urn, type, id, inputs, protect = false }) => ({ urn, type, id: id!, inputs: inputs!, protect }))
    .sort((a, b) => a.urn.localeCompare(b.urn))
}

/** Creates that a run began and never heard the end of, although their object is in the cloud. */
function countLost(project: Project, { after }: Reference): number {
  const ids = new Map(listManaged(after).map(({ urn, id }) => [urn, id]))
  return readStates(project)
    .flatMap(({ pending_operations: operations = [] }) => operations)
    .filter(({ type, resource }) => {
      const id = ids.get(resource.urn)
      const [name] = resource.type.split(':')
      const path = join(project.cloud, name!, encodeURIComponent(resource.type))
      return type === 'creating' && id && existsSync(join(path, `${encodeURIComponent(id)}.json`))
    }).length
}

function readReceipts({ cwd }: Project): Receipt[] {
  const folder = join(cwd, '.llmscale/state/receipts/prod')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => Receipt.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
}

/** Locks of ours and of Pulumi. */
function readLocks({ cwd }: Project): string[] {
  return ['.llmscale/state/locks', '.llmscale/pulumi/state/.pulumi/locks'].flatMap((path) =>
    existsSync(join(cwd, path))
      ? readdirSync(join(cwd, path), { recursive: true, encoding: 'utf8' }).filter((name) =>
          name.endsWith('.json'),
        )
      : [],
  )
}

/** Engines and providers that the runs of a project have started and that are still there. */
function findLiving(project: Project): number[] {
  const started = readCalls(project).filter(({ call }) => call === 'start')
  return [...new Set(started.flatMap(({ pid, parent }) => [pid, parent]))].filter(isAlive)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return pid !== 1
  } catch {
    return false
  }
}

/** What holds after a run that came to its end, however many did not before it. */
function expectConverged(project: Project, { after }: Reference): void {
  expect(readCloud(project)).toEqual(readCloud(after))
  expect(listManaged(project)).toEqual(listManaged(after))
  expect(readStates(project).flatMap((state) => state.pending_operations ?? [])).toEqual([])
  expect(readLocks(project)).toEqual([])
  expect(findLiving(project)).toEqual([])
  const states = readReceipts(project).map(({ state }) => state)
  expect([states.at(-1), states.includes('running')]).toEqual(['done', false])
}

/** Waits for something that comes, or for the end of a run that will not bring it. */
async function until(isThere: () => boolean, { child }: Run): Promise<void> {
  while (!isThere() && child.exitCode === null && child.signalCode === null) await setTimeout(10)
}

/** Every process below one, as a machine has them that goes down: first all stand still, then all are gone. */
function killAll(root: number): void {
  const stopped = new Set<number>()
  for (;;) {
    const found = [root, ...findBelow(root)].filter((pid) => !stopped.has(pid))
    if (found.length === 0) break
    for (const pid of found) {
      stopped.add(pid)
      signal(pid, 'SIGSTOP')
    }
  }
  for (const pid of stopped) signal(pid, 'SIGKILL')
}

function findBelow(root: number): number[] {
  const pairs = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const below = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent).flatMap(([pid]) => [pid, ...below(pid)])
  return below(root)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}

/** A run that is killed at a random moment; false where it had ended by then. */
async function killRun(project: Project, reference: Reference, random: Random): Promise<boolean> {
  const before = countChanges(project)
  const killed = await start(project, reference.args)
  const isAtChange = random.uniform() < 0.7
  const nth = before + 1 + random.integer(Math.max(1, reference.changes - before))
  const share = random.uniform()
  if (isAtChange) {
    await until(() => countChanges(project) >= nth, killed)
    await setTimeout(share * delayMilliseconds)
  } else await Promise.race([setTimeout(share * reference.milliseconds), killed.ended])
  if (killed.child.exitCode !== null) return false
  // The process alone: its engine then ends what it has begun, and itself.
  if (random.uniform() < 0.3) killed.child.kill('SIGKILL')
  else killAll(killed.child.pid!)
  await killed.ended
  while (findLiving(project).length > 0) await setTimeout(20)
  return true
}

/** Starts an apply whose changes are made and then not answered, until what `resume` removes is gone. */
async function startPaused(project: Project): Promise<Run & { resume: () => void }> {
  const pause = join(emptyFolder(), 'pause')
  writeFileSync(pause, '')
  const started = await start(project, applyArgs, { LLMSCALE_STAND_IN_PAUSE: pause })
  return { ...started, resume: () => rmSync(pause) }
}

describe.skipIf(engineFolder === undefined)(
  `llmscale apply and destroy that are killed${engineNote}, stand-ins for AWS and Kubernetes`,
  { timeout: 3_600_000 },
  () => {
    let first: Reference
    let changed: Reference
    let destroyed: Reference
    let regions: Reference
    /** One stack, for what is the same whatever is deployed. */
    let serving: Reference
    beforeAll(async () => {
      const both = createReference(createProject(regionsPlan, regionsConfig))
      serving = await createReference(createProject(capacityPlan(), configText()))
      first = await createReference(createProject(firstPlan))
      const before = copyProject(first.after)
      writePlanFiles(join(before.cwd, 'forecasts/prod'), changedPlan)
      changed = await createReference(before)
      destroyed = await createReference(copyProject(changed.after), destroyArgs)
      regions = await both
    }, 600_000)

    it('leaves nothing where it destroys, but what is protected', () => {
      expect(Object.keys(readCloud(destroyed.after))).toEqual(
        Array(2).fill(expect.stringContaining('CapacityReservation')),
      )
    })

    describe.concurrent('by SIGKILL', () => {
      // Two at a time: more would wait for each other.
      const limit = pLimit(2)
      const total = { kills: 0, lost: 0 }
      afterAll(() => {
        console.log(`${total.kills} kills; ${total.lost} creates were in the cloud and not in the state`)
        // A few kills may all miss that moment; the test of the reservation below does not.
        if (seeds >= 100) expect(total.lost).toBeGreaterThan(0)
      })

      it.for(Array.from({ length: seeds }, (_, seed) => seed))(
        'is finished by the next run, seed %i',
        (seed, { expect }) =>
          limit(async () => {
            const random = createRandom(seed)
            const reference = [changed, destroyed, regions, first, destroyed][seed % 5]!
            const project = copyProject(reference.before)
            for (let kills = random.uniform() < 0.3 ? 2 : 1; kills > 0; kills--) {
              if (!(await killRun(project, reference, random))) continue
              total.kills++
              total.lost += countLost(project, reference)
            }
            const crashed = readReceipts(project).filter(({ state }) => state === 'running')
            const { code, stderr } = await run(project, reference.args)
            expect(code, stderr).toBe(0)
            for (const { id } of crashed) expect(stderr).toMatch(new RegExp(`run ${id} of plan .* crashed`))
            expectConverged(project, reference)
          }),
      )
    })

    it('buys a reservation once that a run created and never noted', async () => {
      const project = copyProject(first.before)
      const reservations = () =>
        Object.keys(readCloud(project)).filter((path) => path.includes('CapacityReservation'))
      const killed = await startPaused(project)
      await until(() => reservations().length > 0, killed)
      killAll(killed.child.pid!)
      await killed.ended
      expect(countLost(project, first)).toBeGreaterThan(0)
      const { code, stderr } = await run(project, applyArgs)
      expect(code, stderr).toBe(0)
      expect(reservations()).toHaveLength(1)
      expectConverged(project, first)
    })

    it('leaves its stacks locked as long as its engine lives', async () => {
      const project = copyProject(serving.before)
      const killed = await startPaused(project)
      await until(() => countChanges(project) > 0, killed)
      const engine = readCalls(project).findLast(({ call }) => call === 'start')!.parent
      process.kill(engine, 'SIGSTOP')
      killed.child.kill('SIGKILL')
      await killed.ended
      const { code, stderr } = await run(project, applyArgs)
      expect([code, stderr]).toEqual([exitCodes.hold, expect.stringMatching(/processes .*left by process/)])
      expect(stderr).toContain(String(engine))
      process.kill(engine, 'SIGCONT')
      killed.resume()
      while (findLiving(project).length > 0) await setTimeout(20)
    })

    it('stops in good order at SIGINT and SIGTERM, and is finished by the next run', async () => {
      const project = copyProject(first.before)
      // Ctrl-C goes to every process of a terminal, what ends a job to the first one.
      const interrupts = [
        (pid: number) => process.kill(-pid, 'SIGINT'),
        (pid: number) => process.kill(pid, 'SIGTERM'),
      ]
      for (const interrupt of interrupts) {
        const before = countChanges(project)
        const interrupted = await startPaused(project)
        await until(() => countChanges(project) > before, interrupted)
        const cancels = countCancels(project)
        interrupt(interrupted.child.pid!)
        await until(() => countCancels(project) > cancels, interrupted)
        interrupted.resume()
        const { code, stderr } = await interrupted.ended
        expect(code, stderr).toBe(exitCodes.interrupted)
        expect(readReceipts(project).at(-1)?.state).toBe('interrupted')
        expect([readLocks(project), findLiving(project)]).toEqual([[], []])
      }
      const { code, stderr } = await run(project, applyArgs)
      expect(code, stderr).toBe(0)
      expect(stderr.match(/interrupted; left: expand of prod/g)).toHaveLength(2)
      expectConverged(project, first)
    })

    it('takes the lock of a run on another host only where it is told to', async () => {
      const project = copyProject(serving.after)
      const lock = {
        stack: stacks[1],
        runId: '20261102T000000Z-abcdef',
        by: 'ada',
        host: 'elsewhere',
        pid: 1,
        processSpace: null,
        since: asOf,
      }
      const path = join(project.cwd, '.llmscale/state/locks', `${stacks[1]}.json`)
      writeFileSync(path, JSON.stringify(lock))
      const refused = await run(project, applyArgs)
      expect(refused.code).toBe(exitCodes.hold)
      expect(refused.stderr).toContain(`locked by ada since ${asOf}`)
      expect(refused.stderr).toContain(`--break-lock ${lock.runId}`)
      const { code, stderr, stdout } = await run(project, [...applyArgs, '--break-lock', lock.runId])
      expect(code, stderr).toBe(0)
      expect(stdout.match(/No change/g)).toHaveLength(1)
      expectConverged(project, serving)
    })
  },
)
