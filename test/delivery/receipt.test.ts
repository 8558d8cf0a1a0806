import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { acquireLocks } from '../../src/delivery/lock.js'
import {
  createReceiptId,
  findUnfinished,
  latestReceipt,
  type NewReceipt,
  openReceipt,
  Receipt,
  type ReceiptStep,
  recordCrashes,
  type UnfinishedRun,
} from '../../src/delivery/receipt.js'
import { createBranchStore } from '../../src/delivery/state-branch.js'
import { createFolderStore } from '../../src/delivery/state-folder.js'
import type { StateStore } from '../../src/delivery/state-store.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { emptyFolder } from '../run-cli.js'
import { bareRepository, git, statePlaces } from './state-places.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

const now = Date.UTC(2026, 10, 21, 8) / 1000
const serving = { stack: 'prod.us-east-1.serving', step: 'serving' } as const
const capacity = { stack: 'prod.us-east-1.capacity', step: 'expand' } as const
const pending = (at: Pick<ReceiptStep, 'stack' | 'step'>): ReceiptStep => ({
  ...at,
  state: 'pending',
  changed: {},
  outputDigest: null,
  error: null,
})

const stacks = [capacity.stack, serving.stack]
const done = (at: Pick<ReceiptStep, 'stack' | 'step'>): ReceiptStep => ({ ...pending(at), state: 'done' })
const statesOf = (runs: readonly UnfinishedRun[]) => runs.map(({ receipt }) => receipt.state)

/** A run at a minute of the hour. */
function newReceipt(minute: number, change: Partial<NewReceipt> = {}): NewReceipt {
  return {
    id: createReceiptId(now + minute * 60),
    environment: 'prod',
    planId: 'a'.repeat(64),
    fileDigest: 'b'.repeat(64),
    by: 'ada',
    host: hostname(),
    pid: process.pid,
    startedAt: '2026-11-21T08:00:00Z',
    toolVersion: '0.1.0',
    verdicts: [
      { guard: 'expiry', state: 'passed', message: 'valid', reason: 'planStale', code: 'PLAN_EXPIRED' },
    ],
    steps: [pending(capacity), pending(serving)],
    ...change,
  }
}

const openFolder = () => createFolderStore(join(emptyFolder(), 'state'))
const stored = async (store: StateStore, { id }: NewReceipt) =>
  Receipt.parse(JSON.parse((await store.read(`receipts/prod/${id}.json`))!))

for (const { name, isThere, start } of statePlaces) {
  describe.skipIf(!isThere)(`receipts in ${name}`, () => {
    let place: Awaited<ReturnType<typeof start>>
    const open = async (): Promise<[StateStore, StateStore]> => place.open()
    beforeAll(async () => {
      place = await start()
    })
    afterAll(() => place?.stop())

    it('say running before anything is done, and at the end all that was', async () => {
      const [store, other] = await open()
      expect(await latestReceipt(store, 'prod')).toBeUndefined()
      const first = newReceipt(0)
      const open1 = await openReceipt(store, first)
      expect(await stored(other, first)).toMatchObject({ state: 'running', finishedAt: null, by: 'ada' })
      await open1.updateStep(capacity, { state: 'done', changed: { create: 2 }, outputDigest: 'c' })
      await open1.updateStep(serving, { state: 'failed', error: 'no route to host' })
      expect((await stored(other, first)).steps.map(({ state }) => state)).toEqual(['done', 'failed'])
      await open1.finish('failed', now + 90)
      expect(await stored(other, first)).toEqual(open1.receipt())
      expect(open1.receipt()).toMatchObject({ state: 'failed', finishedAt: '2026-11-21T08:01:30Z' })

      const second = newReceipt(5)
      await openReceipt(store, second)
      expect((await latestReceipt(other, 'prod'))!.id).toBe(second.id)
      const unfinished = await findUnfinished(other, 'prod', stacks)
      expect(unfinished.map(({ receipt: { id, state }, left }) => [id, state, left.length])).toEqual([
        [first.id, 'failed', 1],
        [second.id, 'crashed', 2],
      ])
    })
  })
}

describe('receipts', () => {
  it('lose no update of regions that report at once', async () => {
    const store = openFolder()
    const regions = Array.from({ length: 12 }, (_, index) => ({
      stack: `prod.r${index}.serving`,
      step: 'serving' as const,
    }))
    const start = newReceipt(0, { steps: regions.map(pending) })
    const open = await openReceipt(store, start)
    await Promise.all(regions.map((at) => open.updateStep(at, { state: 'done' })))
    expect(new Set((await stored(store, start)).steps.map(({ state }) => state))).toEqual(new Set(['done']))
  })

  it('have in the next write what one write could not bring', async () => {
    const store = openFolder()
    const start = newReceipt(0)
    let broken = false
    const open = await openReceipt(
      {
        ...store,
        write: (path, text) => (broken ? Promise.reject(new Error('gone')) : store.write(path, text)),
      },
      start,
    )
    broken = true
    await expect(open.updateStep(capacity, { state: 'done' })).rejects.toThrow('gone')
    broken = false
    await open.finish('interrupted', now)
    expect((await stored(store, start)).steps[0]!.state).toBe('done')
  })

  it('on a branch are pushed at the start, at a failure and at the end, and are its history', async () => {
    const repository = bareRepository()
    const store = createBranchStore(`file://${repository}`, 'llmscale-state')
    const open = await openReceipt(store, newReceipt(0))
    for (const state of ['running', 'done'] as const) await open.updateStep(capacity, { state })
    await open.updateStep(serving, { state: 'running' })
    await open.updateStep(serving, { state: 'failed', error: 'no route to host' })
    await open.finish('failed', now)
    expect(git(repository, 'rev-list', '--count', 'llmscale-state')).toBe('3')
    expect(git(repository, 'fsck')).not.toMatch(/missing|error/)
  })

  it('are unfinished after the last one that was done, and not while their run lives', async () => {
    const store = openFolder()
    await (await openReceipt(store, newReceipt(0))).finish('failed', now)
    await (await openReceipt(store, newReceipt(1, { steps: [capacity, serving].map(done) }))).finish(
      'done',
      now,
    )
    expect(await findUnfinished(store, 'prod', stacks)).toEqual([])
    await (await openReceipt(store, newReceipt(2))).finish('interrupted', now)
    const living = newReceipt(3)
    const { host, pid, id: runId, by } = living
    const locks = await acquireLocks(store, stacks, { host, pid, runId, by, since: living.startedAt })
    await openReceipt(store, living)
    expect(statesOf(await findUnfinished(store, 'prod', stacks))).toEqual(['interrupted'])
    await locks.release()
    const found = await findUnfinished(store, 'prod', stacks)
    expect(statesOf(found)).toEqual(['interrupted', 'crashed'])
    await recordCrashes(store, found)
    expect(await stored(store, living)).toMatchObject({ state: 'crashed', finishedAt: null })
    expect(await findUnfinished(store, 'prod', stacks)).toEqual(found)
    expect(await findUnfinished(store, 'prod-eu', stacks)).toEqual([])
  })

  it('of another region do not hide what is left in this one', async () => {
    const store = openFolder()
    const elsewhere = { stack: 'prod.eu-west-1.serving', step: 'serving' } as const
    const failed = newReceipt(0, { steps: [done(capacity), pending(serving), pending(elsewhere)] })
    await (await openReceipt(store, failed)).finish('failed', now)
    await (await openReceipt(store, newReceipt(1, { steps: [done(elsewhere)] }))).finish('done', now)
    const [run, ...others] = await findUnfinished(store, 'prod', [...stacks, elsewhere.stack])
    expect([run?.receipt.id, run?.left, others]).toEqual([failed.id, [pending(serving)], []])
    expect(await findUnfinished(store, 'prod', [elsewhere.stack])).toEqual([])
    expect(await findUnfinished(store, 'prod', [capacity.stack])).toEqual([])
  })

  it('of a run that crashed after its last step are found too, until another run is done', async () => {
    const store = openFolder()
    const crashed = newReceipt(0, { steps: [done(capacity), done(serving)] })
    await openReceipt(store, crashed)
    const found = await findUnfinished(store, 'prod', stacks)
    expect(found).toMatchObject([{ receipt: { state: 'crashed' }, left: [] }])
    await (await openReceipt(store, newReceipt(1, { steps: [capacity, serving].map(done) }))).finish(
      'done',
      now,
    )
    expect(await findUnfinished(store, 'prod', stacks)).toEqual([])
  })

  it('hold no secrets', async () => {
    vi.stubEnv('LLMSCALE_GIT_TOKEN', 'hunter2hunter2')
    vi.stubEnv('PULUMI_CONFIG_PASSPHRASE', 'correct "horse" battery')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG')
    const store = openFolder()
    const github = `ghp_${'x1'.repeat(18)}`
    const start = newReceipt(0, { by: 'https://ada:sesame@example.com/run/1' })
    const open = await openReceipt(store, start)
    const error =
      'push with hunter2hunter2 failed: passphrase correct "horse" battery, wJalrXUtnFEMI/K7MDENG, ' +
      `${github}, AKIAIOSFODNN7EXAMPLE, Bearer abc.def, eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl; exit 1`
    await open.updateStep(serving, { state: 'failed', error })
    await open.finish('failed', now)
    const text = (await store.read(`receipts/prod/${start.id}.json`))!
    expect(text).not.toMatch(/hunter2|horse|wJalr|ghp_|AKIA|abc\.def|eyJ|sesame/)
    expect(text).toContain('https://[secret]@example.com/run/1')
    expect((await stored(store, start)).steps[1]!.error).toMatch(/^push with \[secret\] failed: .*exit 1$/)
  })

  it('that cannot be read are named', async () => {
    const store = openFolder()
    await store.write('receipts/prod/20261121T080000Z-000000.json', '{"kind": "Receipt"}\n')
    const failure = await latestReceipt(store, 'prod').catch((error) => error)
    expect(failure).toBeInstanceOf(LlmscaleError)
    expect([failure.reason, failure.code]).toEqual(['badData', 'RECEIPT_UNREADABLE'])
    expect(failure.message).toContain('receipts/prod/20261121T080000Z-000000.json')
  })

  it('sort by time', () => {
    expect(createReceiptId(now + 0.7)).toMatch(/^20261121T080000Z-[0-9a-f]{6}$/)
    expect(createReceiptId(now + 60) > createReceiptId(now)).toBe(true)
  })
})
