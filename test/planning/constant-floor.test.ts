import { describe, expect, it } from 'vitest'
import {
  constantFloor,
  findConstantFloors,
  priceConstantFloors,
  standingReplicaHours,
} from '../../src/planning/constant-floor.js'
import { checkGuards } from '../../src/planning/guards.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

describe('the price of a constant floor', () => {
  it('is the replica-hours above the template’s floors at the price of a replica', () => {
    const floors = { minReplicas: 2, exceptions: [], windows: [] }
    const day = { days: ['mon' as const], from: '08:00', to: '20:00', replicas: 10 }
    const priced = capacityPlan({
      workloads: [workloadDecision({ floors: { ...floors, windows: [day] } })],
    })
    // 8 replicas more in all hours of the week but 12, at 40 USD.
    expect(priceConstantFloors(priced, ['us-east-1'])).toEqual([
      {
        workload: 'chat-70b/us-east-1',
        replicas: 10,
        extraReplicaHoursPerWeek: 8 * 156,
        extraUsdPerDay: (8 * 156 * 40) / 7,
      },
    ])
    expect(findConstantFloors(priced, ['us-east-1'])[0]?.message).toContain('1,248 replica-hours a week')
    expect(findConstantFloors(priced, ['eu-west-1'])).toEqual([])
  })

  it('is nothing where the floor is constant anyway, and a dated floor counts at once', () => {
    const floors = { minReplicas: 3, windows: [], exceptions: [] }
    const even = capacityPlan({ workloads: [workloadDecision({ floors })] })
    expect(findConstantFloors(even, ['us-east-1'])).toEqual([])
    const exception = {
      from: '2026-11-27T06:00:00Z',
      until: '2026-11-28T06:00:00Z',
      replicas: 12,
      reason: '',
    }
    expect(constantFloor({ ...floors, exceptions: [exception] })).toBe(12)
    expect(standingReplicaHours({ ...floors, exceptions: [exception] }, 'hpa')).toBe(12 * 168)
  })
})

describe('the decrease cap', () => {
  const planOf = (replicas: number, to: string) => {
    const window = { days: ['mon' as const], from: '08:00', to, replicas }
    return capacityPlan({
      workloads: [workloadDecision({ floors: { minReplicas: 1, exceptions: [], windows: [window] } })],
    })
  }
  const capsOf = (autoscaler: 'keda' | 'hpa', before: typeof plan, after: typeof plan) =>
    checkGuards({
      plan: after,
      baseline: before,
      autoscaler,
      environment: 'prod',
      region: 'us-east-1',
      now: Date.parse('2026-11-02T00:00:00Z') / 1000,
      holds: [],
      decreaseCap: 0.3,
      writes: true,
      onRunner: false,
    }).find(({ guard }) => guard === 'caps')
  const plan = planOf(10, '18:00')

  it('counts the highest floor at all hours where an HPA keeps it', () => {
    const lower = planOf(5, '18:00')
    expect(capsOf('keda', plan, lower)?.state).toBe('passed')
    expect(capsOf('hpa', plan, lower)?.message).toContain('fall by 50 % (6720 to 3360)')
  })

  it('does not count hours that an HPA does not know', () => {
    const shorter = planOf(10, '08:15')
    expect(capsOf('keda', plan, shorter)?.state).toBe('refused')
    expect(capsOf('hpa', plan, shorter)?.state).toBe('passed')
  })
})
