import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireLocks, breakLock, holdsLock, type LockHolder } from '../../src/delivery/lock.js'
import { createFolderStore } from '../../src/delivery/state-folder.js'
import type { StateStore } from '../../src/delivery/state-store.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { emptyFolder } from '../run-cli.js'
import { statePlaces } from './state-places.js'

const stacks = ['prod.us-east-1.serving', 'prod.us-east-1.capacity']

function holder(runId: string, change: Partial<LockHolder> = {}): LockHolder {
  return { runId, by: 'ada', host: hostname(), pid: process.pid, since: '2026-11-21T08:00:00Z', ...change }
}

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid

async function failureOf(work: Promise<unknown>): Promise<LlmscaleError> {
  const failure = await work.then(
    () => undefined,
    (error) => error,
  )
  if (failure instanceof LlmscaleError) return failure
  throw failure ?? new Error('nothing was thrown')
}

for (const { name, isThere, start } of statePlaces) {
  describe.skipIf(!isThere)(`locks in ${name}`, () => {
    let place: Awaited<ReturnType<typeof start>>
    const open = async (): Promise<[StateStore, StateStore]> => place.open()
    beforeAll(async () => {
      place = await start()
    })
    afterAll(() => place?.stop())

    it('are held by one run, and free after it', async () => {
      const [store, other] = await open()
      const locks = await acquireLocks(store, stacks, holder('run-1'))
      expect(locks.takenOver).toEqual([])
      expect(await holdsLock(other, stacks[0]!, 'run-1')).toBe(true)
      const refused = await failureOf(acquireLocks(other, [stacks[1]!], holder('run-2', { by: 'bob' })))
      expect([refused.reason, refused.code]).toEqual(['hold', 'STACK_LOCKED'])
      expect(refused.message).toContain(`${stacks[1]} is locked by ada since 2026-11-21T08:00:00Z: run run-1`)
      expect(refused.tryThis.join()).toContain('--break-lock run-1')
      await locks.release()
      expect(await holdsLock(other, stacks[0]!, 'run-1')).toBe(false)
      await (await acquireLocks(other, stacks, holder('run-2'))).release()
      expect(await store.list('locks')).toEqual([])
    })

    it('are all taken or none', async () => {
      const [store, other] = await open()
      const locks = await acquireLocks(store, [stacks[0]!], holder('run-1'))
      await failureOf(acquireLocks(other, ['prod.eu.serving', ...stacks], holder('run-2')))
      expect(await store.list('locks')).toEqual([`locks/${stacks[0]}.json`])
      await locks.release()
    })

    it('go to exactly one of two that come at once', { timeout: 120_000 }, async () => {
      const [store, other] = await open()
      const [first, second] = await Promise.allSettled([
        acquireLocks(store, stacks, holder('run-1')),
        acquireLocks(other, [...stacks].reverse(), holder('run-2')),
      ])
      const winners = [first, second].filter(({ status }) => status === 'fulfilled')
      expect(winners).toHaveLength(1)
      const loser = [first, second].find((each) => each.status === 'rejected')!
      expect((loser as PromiseRejectedResult).reason.code).toBe('STACK_LOCKED')
      await (winners[0] as PromiseFulfilledResult<{ release(): Promise<void> }>).value.release()
      expect(await store.list('locks')).toEqual([])
    })

    it('of a dead process go to exactly one of two that come at once', { timeout: 120_000 }, async () => {
      const [store, other] = await open()
      await acquireLocks(store, stacks, holder('run-0', { pid: deadPid() }))
      const results = await Promise.allSettled([
        acquireLocks(store, stacks, holder('run-1')),
        acquireLocks(other, stacks, holder('run-2')),
      ])
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results) if (result.status === 'fulfilled') await result.value.release()
    })
  })
}

describe('locks', () => {
  const open = () => createFolderStore(join(emptyFolder(), 'state'))

  it('of a dead process on this machine are taken over and reported', async () => {
    const store = open()
    const pid = deadPid()
    await acquireLocks(store, stacks, holder('run-1', { pid }))
    expect(await holdsLock(store, stacks[0]!, 'run-1')).toBe(false)
    const locks = await acquireLocks(store, stacks, holder('run-2'))
    expect(locks.takenOver).toEqual(['run-1'])
    await locks.release()
    expect(await store.list('locks')).toEqual([])
  })

  it.each([
    ['of another host', { host: 'elsewhere' }, {}],
    ['of another machine with the same name', {}, { processSpace: 'another boot' }],
  ])('%s are held, although no process here has their pid', async (_name, change, written) => {
    const store = open()
    await acquireLocks(store, [stacks[0]!], holder('run-1', { pid: deadPid(), ...change }))
    const path = `locks/${stacks[0]}.json`
    const lock = JSON.parse((await store.read(path))!)
    await store.write(path, `${JSON.stringify({ ...lock, ...written })}\n`)
    expect((await failureOf(acquireLocks(store, stacks, holder('run-2')))).code).toBe('STACK_LOCKED')
  })

  it('that nobody can read count as held', async () => {
    const store = open()
    await store.write(`locks/${stacks[0]}.json`, '{"stack": 1}\n')
    const failure = await failureOf(acquireLocks(store, stacks, holder('run-1')))
    expect([failure.reason, failure.code]).toEqual(['hold', 'LOCK_UNREADABLE'])
    expect(failure.message).toContain(`locks/${stacks[0]}.json`)
    expect(await store.list('locks')).toHaveLength(1)
  })

  it('are broken by the id of their run alone, and a run whose lock was broken frees nobody else’s', async () => {
    const store = open()
    const first = await acquireLocks(store, stacks, holder('run-1'))
    const wrong = await failureOf(breakLock(store, stacks, 'run-9'))
    expect([wrong.reason, wrong.code]).toEqual(['hold', 'LOCK_NOT_FOUND'])
    expect(wrong.message).toContain('locked by run-1')
    expect(await breakLock(store, stacks, 'run-1')).toEqual(stacks)
    await acquireLocks(store, stacks, holder('run-2'))
    await first.release()
    expect(await holdsLock(store, stacks[0]!, 'run-2')).toBe(true)
  })

  it('of several processes go to exactly one', { timeout: 120_000 }, async () => {
    const folder = join(emptyFolder(), 'state')
    const runs = await Promise.all([1, 2, 3].map((number) => start('hold', folder, `run-${number}`)))
    const said = runs.map(({ said }) => said)
    expect(said.filter((text) => text === 'held')).toHaveLength(1)
    expect(said.filter((text) => text === 'STACK_LOCKED')).toHaveLength(2)
    for (const { kill } of runs) await kill('SIGKILL')
    const locks = await acquireLocks(createFolderStore(folder), stacks, holder('run-4'))
    expect(locks.takenOver).toEqual([`run-${said.indexOf('held') + 1}`])
    await locks.release()
  })

  it('are kept at an interrupt until the work has ended, then released', { timeout: 120_000 }, async () => {
    const folder = join(emptyFolder(), 'state')
    const { kill } = await start('work', folder, 'run-1')
    expect(await kill('SIGTERM')).toEqual([130, 'held, work stopped while locked'])
    expect(await createFolderStore(folder).list('locks')).toEqual([])
  })
})

/** A process that takes the locks: `hold` sleeps with them, `work` takes a while to stop when it is told to. */
async function start(what: 'hold' | 'work', folder: string, runId: string) {
  const program = `
    import { setTimeout } from 'node:timers/promises'
    import { acquireLocks, holdsLock } from './src/delivery/lock.ts'
    import { createFolderStore } from './src/delivery/state-folder.ts'
    const [what, folder, runId] = process.argv.slice(1)
    const store = createFolderStore(folder)
    const stacks = ${JSON.stringify(stacks)}
    const holder = { runId, by: 'ada', host: ${JSON.stringify(hostname())}, pid: process.pid, since: '2026-11-21T08:00:00Z' }
    const idle = setInterval(() => {}, 1000)
    try {
      const locks = await acquireLocks(store, stacks, holder)
      process.stdout.write('held')
      if (what === 'work') {
        await new Promise((stop) => locks.signal.addEventListener('abort', stop))
        await setTimeout(200)
        if (await holdsLock(store, stacks[0], runId)) process.stdout.write(', work stopped while locked')
        await locks.release()
      }
    } catch (error) {
      process.stdout.write(error.code)
    }
  `
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program, what, folder, runId]
  const child = spawn(process.execPath, args, {
    cwd: resolve(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  return {
    said,
    kill: async (signal: NodeJS.Signals): Promise<[number | null, string]> => {
      child.kill(signal)
      const [code] = await closed
      return [code, said]
    },
  }
}
