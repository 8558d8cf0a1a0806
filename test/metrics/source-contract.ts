import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ExitReason, LlmscaleError } from '../../src/kit/errors.js'
import { type EpochSeconds, secondsPerDay } from '../../src/kit/units.js'
import { type Workload, workloadId } from '../../src/kit/workload.js'
import type { DemandSource, DemandWindow } from '../../src/metrics/demand-source.js'
import { type DemandTable, servingColumns, tableAmounts } from '../../src/metrics/demand-table.js'

/** What a source under test is to hold: amounts of whole steps. */
export interface TrueDemand {
  start: EpochSeconds
  stepSeconds: number
  length: number
  workloads: TrueWorkload[]
}

export interface TrueWorkload {
  workload: Workload
  /** NaN before it began to report, in a hole, and after it ended. */
  requests: Float64Array
  /** Mean tokens of a request; undefined where nothing tells them. */
  lengths?: { input: number; output: number }
}

/** A source that holds a demand, and how to take it away. */
export interface SourceUnderTest {
  source: DemandSource
  /** From now on only the half of what is to be read can be read. */
  cut(): Promise<void> | void
  /** From now on there is nothing to be read. */
  remove(): Promise<void> | void
  close?(): Promise<void> | void
}

export interface ContractOptions {
  /** How far an amount may lie from the truth, which the source gives in so many series; default 0. */
  tolerance?: (workload: TrueWorkload) => number
  /** Where nothing is said there was nothing: a log of requests cannot tell. Default false. */
  silenceIsZero?: boolean
}

const stepSeconds = 600
const steps = 72
const allowedReasons: ExitReason[] = ['badData', 'configInvalid', 'upstreamUnavailable']

/**
 * Twelve hours of which midnight is the middle, of two days that are over: sources may keep days, and read back from
 * now. Names are what people and attackers write.
 */
const trueDemand: TrueDemand = {
  start: Math.floor(Date.now() / 1000 / secondsPerDay - 1) * secondsPerDay - (steps / 2) * stepSeconds,
  stepSeconds,
  length: steps,
  workloads: [
    {
      workload: { model: 'chat', region: 'eu-west-1' },
      requests: wave({ zeros: [20, 25], hole: [40, 44] }),
      lengths: { input: 900, output: 150 },
    },
    {
      workload: { model: 'chat', region: 'eu-west-1', tenant: `O'Brien & "Söhne", GmbH` },
      requests: wave({ from: 12, to: 60 }),
      lengths: { input: 20, output: 400 },
    },
    {
      workload: {
        model: `<img src=x onerror="alert(1)">`,
        region: 'us-east-1',
        tenant: `'); DROP TABLE staged; --`,
      },
      requests: wave({ hole: [30, 42] }),
      lengths: { input: 100, output: 100 },
    },
    {
      workload: {
        model: 'org/model:v1.2\\',
        region: 'us-east-1',
        tenant: '"} or vector(1) # \u001b[31m{{y}}',
      },
      requests: wave({ zeros: [6, 9] }),
    },
  ],
}

function wave({
  from = 0,
  to = steps,
  zeros = [0, 0],
  hole = [0, 0],
}: {
  from?: number
  to?: number
  zeros?: [number, number]
  hole?: [number, number]
}): Float64Array {
  const within = (step: number, [first, end]: [number, number]) => step >= first && step < end
  return Float64Array.from({ length: steps }, (_, step) => {
    if (step < from || step >= to || within(step, hole)) return Number.NaN
    return within(step, zeros) ? 0 : Math.round(200 + 100 * Math.sin(step / 5) + 40 * Math.sin(step * step))
  })
}

/**
 * What any source of demand must do. `make` puts a demand where the source reads; the tests read it, then take it
 * away.
 */
export function describeSourceContract(
  name: string,
  make: (demand: TrueDemand) => Promise<SourceUnderTest>,
  { tolerance = () => 0, silenceIsZero = false }: ContractOptions = {},
): void {
  describe(`the source contract: ${name}`, () => {
    let made: SourceUnderTest | undefined
    let all: DemandTable
    beforeAll(async () => {
      made = await make(trueDemand)
      all = await read({})
    })
    afterAll(() => made?.close?.())

    const read = (window: DemandWindow) => made!.source.read({ stepSeconds, ...window })
    const byId = [...trueDemand.workloads].sort((a, b) =>
      workloadId(a.workload) < workloadId(b.workload) ? -1 : 1,
    )

    /** Checks all that a table says about the steps from one of the truth to before another. */
    function expectTruth(table: DemandTable, from: number, to: number): void {
      const known = ({ requests }: TrueWorkload) =>
        [...requests.keys()].filter((step) => step >= from && step < to && isKnown(requests[step]!))
      const present = byId.filter((truth) => known(truth).length > 0)
      const first = Math.min(...present.map((truth) => known(truth)[0]!))
      const end = Math.max(...present.map((truth) => known(truth).at(-1)!)) + 1
      expect(table).toMatchObject({
        start: trueDemand.start + first * stepSeconds,
        stepSeconds,
        length: end - first,
      })
      expect(table.workloads.map(({ workload }) => workload)).toEqual(present.map(({ workload }) => workload))
      for (const [at, truth] of present.entries()) {
        const columns = table.workloads[at]!
        expect(columns.first).toBe(known(truth)[0]! - first)
        expect(columns.last).toBe(known(truth).at(-1)! - first)
        const expected = truth.requests.slice(first, end)
        const missing = silenceIsZero ? 0 : Number.NaN
        const { input, output } = truth.lengths ?? { input: 0, output: 0 }
        expectColumn(
          columns.requests,
          expected.map((count) => (isKnown(count) ? count : missing)),
          tolerance(truth),
        )
        expectColumn(
          columns.tokenRequests.filter((_, step) => isKnown(expected[step]!)),
          expected.filter(isKnown).map((count) => (truth.lengths === undefined ? 0 : count)),
          tolerance(truth),
        )
        if (truth.lengths === undefined) continue
        expectColumn(
          columns.inputTokens,
          expected.map((count) => (isKnown(count) ? count * input : missing)),
          tolerance(truth),
        )
        expectColumn(
          columns.outputTokens,
          expected.map((count) => (isKnown(count) ? count * output : missing)),
          tolerance(truth),
        )
      }
    }

    it('gives every amount of every step, a hole as unknown and a zero as zero, under unchanged names', () => {
      expectTruth(all, 0, steps)
    })

    it('gives columns of one length', () => {
      for (const { requests, serving = {}, ...columns } of all.workloads) {
        expect(requests).toHaveLength(all.length)
        for (const amount of tableAmounts)
          if (amount !== 'requests') expect(columns[amount]).toHaveLength(all.length)
        for (const column of servingColumns)
          if (serving[column] !== undefined) expect(serving[column]).toHaveLength(all.length)
      }
    })

    it('says what it read', () => {
      expect(all.inputs.length).toBeGreaterThan(0)
      expect(all.inputs.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(0)
      expect(all.findings.every(({ code, message }) => /^[A-Z_]+$/.test(code) && message !== '')).toBe(true)
    })

    it('reads the same twice', async () => {
      expect(await read({})).toEqual(all)
    })

    it('leaves out what begins before the window and what was not over at its end, also within a step', async () => {
      const at = (step: number) => trueDemand.start + step * stepSeconds
      expectTruth(await read({ from: at(10) }), 10, steps)
      expectTruth(await read({ from: at(10) + 1 }), 11, steps)
      expectTruth(await read({ until: at(50) }), 0, 50)
      expectTruth(await read({ until: at(50) + stepSeconds - 1 }), 0, 50)
      expectTruth(await read({ from: at(33) - 1, until: at(65) + 1 }), 33, 65)
    })

    it.each(['cut', 'remove'] as const)('refuses where it is %s, and never gives a part', async (how) => {
      await made![how]()
      const failure = await read({}).then(
        ({ workloads }) => expect.unreachable(`gave ${workloads.length} workloads`),
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(LlmscaleError)
      expect(allowedReasons).toContain((failure as LlmscaleError).reason)
      expect((failure as LlmscaleError).message).not.toBe('')
    })
  })
}

function isKnown(amount: number): boolean {
  return !Number.isNaN(amount)
}

function expectColumn(found: Float64Array, expected: Float64Array, tolerance: number): void {
  expect(found).toHaveLength(expected.length)
  const wrong = [...expected.keys()].filter((step) => {
    const [is, should] = [found[step]!, expected[step]!]
    // A zero that is nearly one would be taken for load.
    if (should === 0 || Number.isNaN(should)) return !Object.is(is, should)
    return !(Math.abs(is - should) <= tolerance)
  })
  expect(wrong.map((step) => [step, found[step], expected[step]])).toEqual([])
}
