import { readdir, readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'
import type { StateStore } from './state-store.js'

/** Says that a run works on a stack. */
const Lock = z.strictObject({
  stack: z.string(),
  /** Id of the run's receipt. */
  runId: z.string(),
  /** Person or workflow run. */
  by: z.string(),
  host: z.string(),
  pid: z.int(),
  /** Processes with the same see each other's pids; null where that cannot be known. */
  processSpace: z.string().nullable(),
  since: z.iso.datetime(),
})
type Lock = z.infer<typeof Lock>

export type LockHolder = Pick<Lock, 'runId' | 'by' | 'host' | 'pid' | 'since'>

export interface HeldLocks {
  /** Ids of runs whose process had died and whose locks are ours now. */
  takenOver: string[]
  /**
   * Fires at an interrupt, which from then on waits for `release`: what still runs may still change the stacks. Begin
   * nothing new after it.
   */
  signal: AbortSignal
  /** Throws what the store throws; until then the locks stay. */
  release(): Promise<void>
}

/** Somebody may take a lock between our look at it and our next try. */
const mostTries = 10

/**
 * Locks all of these stacks or none. A lock of a process of this machine that is dead is taken over.
 *
 * Throws `hold` STACK_LOCKED, and LOCK_UNREADABLE for a lock that no llmscale of this version wrote; `interrupted`; and
 * what the store throws.
 */
export async function acquireLocks(
  store: StateStore,
  stacks: readonly string[],
  holder: LockHolder,
): Promise<HeldLocks> {
  const processSpace = await findProcessSpace()
  const files = new Map(
    [...new Set(stacks)].map((stack) => {
      const { runId, by, host, pid, since } = holder
      const lock: Lock = { stack, runId, by, host, pid, processSpace, since }
      return [pathOf(stack), `${JSON.stringify(lock, null, 2)}\n`]
    }),
  )
  // What this process starts, the engine and its providers, can be told by it: see `findProcesses`.
  process.env[runVariable] = holder.runId
  const abort = new AbortController()
  let settle = () => {}
  const released = new Promise<void>((resolve) => (settle = resolve))
  const done = onInterrupt(() => {
    abort.abort(new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted.'))
    return released
  })
  const release = async () => {
    try {
      await store.remove(files)
    } finally {
      delete process.env[runVariable]
      done()
      settle()
    }
  }
  try {
    const takenOver = await takeAll(store, files)
    abort.signal.throwIfAborted()
    return { takenOver, signal: abort.signal, release }
  } catch (cause) {
    // An interrupted write may have come through.
    await release().catch(() => undefined)
    throw cause
  }
}

/**
 * Removes what a run locked, whether it lives or not, and gives the stacks that it held. Throws `hold` LOCK_NOT_FOUND
 * where it held none of these, LOCK_UNREADABLE, and what the store throws.
 */
export async function breakLock(
  store: StateStore,
  stacks: readonly string[],
  runId: string,
): Promise<string[]> {
  const found = new Map<string, string>()
  const others = new Set<string>()
  for (const stack of stacks) {
    const text = await store.read(pathOf(stack))
    if (text === undefined) continue
    const lock = parseLock(store, pathOf(stack), text)
    if (lock.runId === runId) found.set(pathOf(stack), text)
    else others.add(lock.runId)
  }
  if (found.size === 0) {
    const held = others.size === 0 ? 'none of the stacks is locked' : `locked by ${[...others].join(', ')}`
    throw new LlmscaleError('hold', 'LOCK_NOT_FOUND', `run ${runId} locks none of these stacks; ${held}`)
  }
  await store.remove(found)
  return stacks.filter((stack) => found.has(pathOf(stack)))
}

/** Whether a run holds the lock of a stack and, as far as can be known, lives. */
export async function holdsLock(store: StateStore, stack: string, runId: string): Promise<boolean> {
  const text = await store.read(pathOf(stack))
  if (text === undefined) return false
  const lock = parseLock(store, pathOf(stack), text)
  return lock.runId === runId && !(await isDead(lock))
}

const pathOf = (stack: string) => `locks/${stack}.json`

async function takeAll(store: StateStore, files: ReadonlyMap<string, string>): Promise<string[]> {
  const takenOver = new Set<string>()
  for (let tries = 0; ; tries++) {
    const taken = await store.create(files)
    if (taken.length === 0) return [...takenOver]
    const dead = new Map<string, string>()
    for (const path of taken) {
      const text = await store.read(path)
      if (text === undefined) continue
      const lock = parseLock(store, path, text)
      if (tries === mostTries || !(await isDead(lock))) throw await stackLocked(store, lock)
      dead.set(path, text)
      takenOver.add(lock.runId)
    }
    // Removed only as long as the text is the same: somebody else may take it over too.
    if (dead.size > 0) await store.remove(dead)
    if (tries === mostTries) throw alwaysTaken(store, taken[0]!)
  }
}

async function stackLocked(store: StateStore, lock: Lock): Promise<LlmscaleError> {
  const { stack, runId, by, host, pid, since } = lock
  const left = (await hasEnded(lock)) ? await findProcesses(runId) : []
  const who = left.length === 0 ? `process ${pid}` : `processes ${left.join(', ')}, left by process ${pid},`
  return new LlmscaleError(
    'hold',
    'STACK_LOCKED',
    `stack ${stack} is locked by ${by} since ${since}: run ${runId}, ${who} on ${host} (${store.place})`,
    [
      'Wait until that run ends.',
      `If it is dead: --break-lock ${runId}. What it left half done is found and finished.`,
    ],
  )
}

function alwaysTaken(store: StateStore, path: string): LlmscaleError {
  return new LlmscaleError(
    'hold',
    'STACK_LOCKED',
    `${store.place}: other runs took ${path} during each of ${mostTries} tries`,
    ['Wait until they end.'],
  )
}

function parseLock(store: StateStore, path: string, text: string): Lock {
  try {
    return Lock.parse(JSON.parse(text))
  } catch {
    throw new LlmscaleError(
      'hold',
      'LOCK_UNREADABLE',
      `${path} in ${store.place} is no lock that this version of llmscale can read, so its stack counts as locked`,
      ['Remove it there by hand when nothing works on the stack, or use the version that wrote it.'],
    )
  }
}

/** A run lives as long as its engine does, which outlives it to finish what it has begun in the cloud. */
async function isDead(lock: Lock): Promise<boolean> {
  return (await hasEnded(lock)) && (await findProcesses(lock.runId)).length === 0
}

/** Only a process that we would see can be known to have ended. */
async function hasEnded({ host, pid, processSpace }: Lock): Promise<boolean> {
  if (host !== hostname() || processSpace !== (await findProcessSpace())) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

const runVariable = 'LLMSCALE_RUN'

/**
 * What a run has started and is still there, on Linux: the environment that a process began with tells
 * (https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html). Elsewhere, none is found.
 */
async function findProcesses(runId: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const environments = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
  )
  return pids.filter((_, index) => environments[index]!.split('\0').includes(`${runVariable}=${runId}`))
}

/**
 * Containers of one machine, and machines, may have the same name of a host; Linux says what tells them apart:
 * https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 */
async function findProcessSpace(): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}
