import { describe, expect, it } from 'vitest'
import { explainPlan } from '../../src/review/explanation.js'
import { servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

const plan = capacityPlan({
  workloads: [
    workloadDecision({
      floors: {
        ...workloadDecision().floors,
        exceptions: [
          { from: '2026-11-27T06:00:00Z', until: '2026-11-28T06:00:00Z', replicas: 30, reason: 'launch' },
        ],
      },
    }),
  ],
})
const inCluster = (version: string, autoscaler = 'keda') =>
  servingConfig({ autoscaler, clusters: { 'us-east-1': { version } } }).environments['prod']
const floorLines = (settings: ReturnType<typeof inCluster>) =>
  explainPlan(plan, ['chat-70b/us-east-1'], settings)[0]!.lines.filter((line) => line.startsWith('floor '))

const windows = [
  'floor 21 mon–fri 07:45–20:00 America/New_York',
  'floor 6 sat, sun 20:00–02:30 America/New_York',
  'floor 30 2026-11-27T06:00:00Z – 2026-11-28T06:00:00Z: launch',
]

describe('the floors of an explanation', () => {
  it('are with what must be asked for where the cluster ignores small differences', () => {
    const surplus = (asked: number) =>
      ` (${asked} asked for, as the cluster's autoscaler ignores differences up to 10 %)`
    expect(floorLines(inCluster('1.34'))).toEqual([
      windows[0]!.replace(' 21', ` 21${surplus(23)}`),
      windows[1],
      windows[2]!.replace(' 30', ` 30${surplus(32)}`),
    ])
  })

  it('are as they stand where floors are exact, and where nothing is known of the cluster', () => {
    expect(floorLines(inCluster('1.35'))).toEqual(windows)
    expect(floorLines(undefined)).toEqual(windows)
  })

  it('end with the one that an HPA keeps', () => {
    expect(floorLines(inCluster('1.34', 'hpa'))).toEqual([
      ...windows,
      'floor 30 at all hours all the same: an HPA knows none',
    ])
  })
})
