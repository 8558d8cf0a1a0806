import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import type { LlmscaleError } from '../../src/kit/errors.js'
import { assertGuards, checkGuards } from '../../src/planning/guards.js'
import { fileDigest, planDigest } from '../../src/planning/plan-file.js'
import {
  findPrevious,
  type PlanVersion,
  type RollbackInputs,
  rollBackPlan,
} from '../../src/planning/rollback.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const config = parseConfig(
  `
environments: {prod: {regions: [us-east-1]}}
metrics: {files: [demand.csv]}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
workloads:
  - {model: chat-70b, target: {kind: Deployment, name: chat-70b}, slo: {ttftP95: 2s}}
`,
  'llmscale.yaml',
)
const now = Date.parse('2026-12-01T00:00:00Z') / 1000
const previous = capacityPlan({ pools: [pool({ maximumNodes: 18 })] })
const present = capacityPlan({}, { origin: '2026-11-20T00:00:00Z' })
const rollBack = (fields: Partial<RollbackInputs> = {}) =>
  rollBackPlan({
    config,
    environment: 'prod',
    previous,
    present,
    reason: 'too low',
    now,
    toolVersion: '9',
    ...fields,
  })

const version = (planId: string, leaves?: string): PlanVersion => ({
  planId,
  header: {
    baseline: leaves ?? null,
    findings: leaves === undefined ? [] : [{ code: 'ROLLED_BACK', message: '' }],
  },
})
async function* each<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items
}
const previousOf = async (present: PlanVersion, ...versions: PlanVersion[]) =>
  (await findPrevious(present, each(versions)))?.planId

describe('the plan before', () => {
  it('is the newest that decides otherwise', async () => {
    expect(await previousOf(version('c'), version('c'), version('c'), version('b'), version('a'))).toBe('b')
    expect(await previousOf(version('a'), version('a'))).toBeUndefined()
  })

  it('is never one that a rollback went away from, until it was planned anew', async () => {
    const history = [version('b'), version('a'), version('z')]
    const once = version('a', 'b')
    expect(await previousOf(once, once, ...history)).toBe('z')
    const twice = version('z', 'a')
    expect(await previousOf(twice, twice, once, ...history)).toBeUndefined()
    expect(await previousOf(version('c'), version('c'), once, ...history)).toBe('a')
    expect(await previousOf(version('c'), version('c'), version('b'), once, ...history)).toBe('b')
  })

  it('walks back through every plan that was in force, whatever was rolled back how often', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 6 }), async (ids) => {
        const history = ids.map((id) => version(id))
        const seen = [ids[0]!]
        for (;;) {
          const next = await previousOf(history[0]!, ...history)
          if (next === undefined) break
          history.unshift(version(next, seen.at(-1)!))
          seen.push(next)
        }
        expect(seen).toEqual(ids)
      }),
    )
  })
})

describe('a rolled-back plan', () => {
  it('tells no peak of a day that is over', () => {
    const day = (date: string) => ({ date, p10: 1, p50: 2, p90: 3 })
    const reports = previous.reports.map((report) => ({
      ...report,
      dailyPeakReplicas: ['2026-11-30', '2026-12-01', '2026-12-02'].map(day),
    }))
    const { reports: kept } = rollBack({ previous: { ...previous, reports } })
    expect(kept[0]!.dailyPeakReplicas.map(({ date }) => date)).toEqual(['2026-12-01', '2026-12-02'])
  })

  it('has the decision of the past and a header of now, and may be applied', () => {
    const plan = rollBack()
    expect(plan.planId).toBe(previous.planId)
    expect(plan.planId).toBe(planDigest(plan.decision))
    expect(plan.header).toMatchObject({
      origin: '2026-12-01T00:00:00Z',
      validUntil: '2026-12-08T00:00:00Z',
      dataThrough: previous.header.dataThrough,
      baseline: present.planId,
      toolVersion: '9',
      fileDigest: fileDigest(plan),
    })
    const hold = { reason: 'too low', by: 'ana', except: plan.planId }
    const { planId, header, decision } = present
    const deployed = { planId, header, decision }
    const verdicts = (which: typeof plan, holds = [hold]) =>
      checkGuards({
        plan: which,
        environment: 'prod',
        region: 'us-east-1',
        now,
        holds,
        deployed,
        decreaseCap: 0.3,
        writes: true,
        onRunner: false,
      })
    expect(() => assertGuards(verdicts(plan))).not.toThrow()
    const newer = capacityPlan(
      { pools: [pool({ maximumNodes: 30 })] },
      { origin: '2026-11-30T00:00:00Z', validUntil: '2026-12-08T00:00:00Z', baseline: planId },
    )
    expect(() => assertGuards(verdicts(newer))).toThrow('held by ana')
    expect(() => assertGuards(verdicts(newer, []))).not.toThrow()
  })

  it('says why, what comes back without being wanted, and which overrides are over', () => {
    const override = {
      workload: 'chat-70b/us-east-1',
      floor: 3,
      reason: 'launch',
      by: 'bo',
      until: '2026-11-05T00:00:00Z',
    }
    const old = capacityPlan(
      { workloads: [workloadDecision(), workloadDecision({ model: 'old-8b' })], overrides: [override] },
      {
        findings: [
          { code: 'DATA_OLD', message: 'kept' },
          { code: 'ROLLED_BACK', message: 'dropped' },
        ],
      },
    )
    const { findings } = rollBack({ previous: old }).header
    expect(findings.map(({ code }) => code)).toEqual([
      'ROLLED_BACK',
      'WORKLOAD_UNKNOWN',
      'OVERRIDE_EXPIRED',
      'DATA_OLD',
    ])
    expect(findings[0]!.message).toContain(`back to ${old.planId.slice(0, 12)} of 2026-11-01T00:00:00Z`)
    expect(findings[0]!.message).toMatch(/too low$/)
    expect(findings[1]!.message).toContain('old-8b/us-east-1')
  })

  it('is refused for another environment and for the plan in force', () => {
    const codeOf = (fields: Partial<RollbackInputs>) => {
      try {
        return rollBack(fields).planId
      } catch (error) {
        return (error as LlmscaleError).code
      }
    }
    expect(codeOf({ previous: capacityPlan({ environment: 'staging' }) })).toBe('PLAN_OF_OTHER_ENVIRONMENT')
    expect(codeOf({ previous: present })).toBe('NOTHING_TO_ROLL_BACK')
  })
})
