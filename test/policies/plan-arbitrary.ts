import fc from 'fast-check'
import { type CapacityPlan, PlanDecision, weekdays } from '../../src/planning/capacity-plan.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const region = fc.constantFrom('us-east-1', 'eu-west-1', '')
const instanceType = fc.constantFrom('p5.48xlarge', 'g6e.12xlarge', 'unheard-of')
const capacityType = fc.constantFrom('on-demand' as const, 'spot' as const, 'reserved' as const)
const count = fc.oneof(fc.nat(50), fc.constantFrom(0, 1_000_000_000))
const gpus = fc.constantFrom(1, 2, 3, 8, 16)
const time = fc
  .integer({ min: 1_700_000_000, max: 1_900_000_000 })
  .map((seconds) => new Date(seconds * 1000).toISOString())
const clock = fc.constantFrom('00:00', '07:45', '23:59', '24:00')

const workload = fc
  .record({
    model: fc.constantFrom('a', 'b', 'c'),
    region,
    instanceType,
    gpusPerReplica: gpus,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Chatham', 'Nowhere/Land'),
    hardMaximum: count,
    minReplicas: count,
    windows: fc.array(
      fc.record({
        days: fc.subarray([...weekdays], { minLength: 1 }),
        from: clock,
        to: clock,
        replicas: count,
      }),
      { maxLength: 3 },
    ),
    exceptions: fc.array(fc.record({ from: time, until: time, replicas: count, reason: fc.string() }), {
      maxLength: 2,
    }),
  })
  .map(({ instanceType, gpusPerReplica, minReplicas, windows, exceptions, ...fields }) =>
    workloadDecision({
      ...fields,
      shape: { gpu: 'H100', gpusPerReplica, precision: 'fp8', instanceType },
      floors: { minReplicas, windows, exceptions },
    }),
  )

const anyPool = fc
  .record({ region, instanceType, capacityType, gpusPerNode: gpus, maximumNodes: count })
  .map((fields) => pool(fields))

const commitment = fc.record(
  {
    kind: fc.constantFrom('savings-plan' as const, 'odcr' as const, 'capacity-block' as const),
    state: fc.constantFrom('owned' as const, 'proposed' as const),
    region,
    instanceType,
    count,
    until: time,
    name: fc.constantFrom('launch-week', 'other'),
    zone: fc.constantFrom('us-east-1a', 'elsewhere'),
  },
  { requiredKeys: ['kind', 'state', 'region', 'instanceType', 'count'] },
)

const price = fc.record({
  region,
  instanceType,
  capacityType,
  usdPerHour: fc.constantFrom(0, 12.5, 55, Number.MAX_VALUE),
  provenance: fc.constantFrom('measured' as const, 'assumed' as const),
  source: fc.string(),
  asOf: fc.constantFrom('', '2026-07-20', 'long ago'),
})

/** Any plan that the schema of plan files lets pass, also one that no planner would make. */
export const anyPlan: fc.Arbitrary<CapacityPlan> = fc
  .record({
    workloads: fc.array(workload, { maxLength: 4 }),
    pools: fc.array(anyPool, { maxLength: 4 }),
    commitments: fc.array(commitment, { maxLength: 3 }),
    prices: fc.array(price, { maxLength: 4 }),
  })
  .map(({ prices, ...decision }) => {
    const cost = { ...capacityPlan().header.cost, prices }
    const plan = capacityPlan(decision, { cost })
    PlanDecision.parse(plan.decision)
    return plan
  })
