import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { formatPlan, parsePlan } from '../../src/planning/plan-file.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

const plan = capacityPlan({
  workloads: [workloadDecision({ model: 'a' }), workloadDecision({ model: 'b', region: 'eu-west-1' })],
})

function refusalOf(files: ReadonlyMap<string, string>): LlmscaleError {
  try {
    parsePlan(files, 'forecasts/prod')
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('the plan was accepted')
}

function edited(path: string, from: string, to: string): Map<string, string> {
  const files = formatPlan(plan)
  const text = files.get(path)!
  expect(text).toContain(from)
  return files.set(path, text.replace(from, to))
}

describe('plan files', () => {
  it('give the plan back, and the same bytes again', () => {
    const files = formatPlan(plan)
    expect([...files.keys()]).toEqual([
      'plan.yaml',
      'workloads/a-ca9781.us-east-1.yaml',
      'workloads/b-3e23e8.eu-west-1.yaml',
    ])
    const read = parsePlan(files, 'forecasts/prod')
    expect(read).toEqual(plan)
    expect(formatPlan(read)).toEqual(files)
  })

  it('refuse a decision edited by hand', () => {
    const refusal = refusalOf(
      edited('workloads/a-ca9781.us-east-1.yaml', 'hardMaximum: 40', 'hardMaximum: 41'),
    )
    expect(refusal.code).toBe('PLAN_DIGEST_MISMATCH')
    expect(refusal.exitCode).toBe(12)
    expect(refusal.message).toContain('planId')
  })

  it('refuse a validity edited by hand', () => {
    const refusal = refusalOf(edited('plan.yaml', 'validUntil: 2026-11-08', 'validUntil: 2027-11-08'))
    expect(refusal.code).toBe('PLAN_DIGEST_MISMATCH')
    expect(refusal.message).toContain('header.fileDigest')
  })

  it('name the file and field that cannot be read', () => {
    const refusal = refusalOf(
      edited('workloads/a-ca9781.us-east-1.yaml', 'hardMaximum: 40', 'hardMaximum: many'),
    )
    expect(refusal.exitCode).toBe(3)
    expect(refusal.message).toContain('forecasts/prod/workloads/a-ca9781.us-east-1.yaml decision.hardMaximum')
  })

  it('name a workload file that is gone', () => {
    const files = formatPlan(plan)
    files.delete('workloads/b-3e23e8.eu-west-1.yaml')
    expect(refusalOf(files).message).toBe('forecasts/prod/workloads/b-3e23e8.eu-west-1.yaml does not exist')
  })
})
