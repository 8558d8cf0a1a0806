import type { Limits } from '../src/config/policy-settings.js'
import { workloadId } from '../src/kit/workload.js'
import type { CapacityPlan, WorkloadDecision } from '../src/planning/capacity-plan.js'
import { floorReplicaHours } from '../src/planning/floor-template.js'
import { type Breach, noBaseline, noPlan, type Policy, percent } from './policy.js'

const hoursPerWeek = 168

/**
 * Mean floor and hard maximum of each workload fall by at most a share against the plan in force; one replica less is
 * always allowed. Where the GPU shape changes, replicas are compared by the requests that they carry.
 */
export function stepLimit({ maximumShare }: Limits<'stepLimit'>): Policy {
  return {
    name: 'step-limit',
    description: `Floor and hard maximum of a workload fall by at most ${percent(maximumShare)} in one plan.`,
    looksAt: 'plan',
    check({ plan, baseline }) {
      if (plan === undefined) return noPlan
      if (baseline === undefined) return noBaseline
      const before = sizesById(baseline)
      return [...sizesById(plan)].flatMap(([id, after]) => {
        const old = before.get(id)
        if (old === undefined) return []
        const scale = old.shape === after.shape ? 1 : old.requestsPerSecond / after.requestsPerSecond
        return (['floor', 'hardMaximum'] as const).flatMap((field): Breach[] => {
          const replicas = old[field] * (Number.isFinite(scale) ? scale : 1)
          const fall = replicas - after[field]
          if (fall <= Math.max(1, replicas * maximumShare) + 1e-9) return []
          const what = field === 'floor' ? 'mean floor' : 'hard maximum'
          return [
            {
              subject: id,
              message:
                `${what} falls by ${percent(fall / replicas)}, from ${round(replicas)} to ${round(after[field])} replicas; ` +
                `allowed are ${percent(maximumShare)}: hold it up with an override and lower it in steps, or raise ` +
                'policies.stepLimit.maximumShare',
            },
          ]
        })
      })
    },
  }
}

interface WorkloadSize {
  shape: string
  /** Mean over the week, in replicas. */
  floor: number
  hardMaximum: number
  /** Of one replica. */
  requestsPerSecond: number
}

function sizesById({ decision, reports }: CapacityPlan): Map<string, WorkloadSize> {
  const sizeOf = (workload: WorkloadDecision, index: number): WorkloadSize => ({
    shape: JSON.stringify(workload.shape),
    floor: floorReplicaHours(workload.floors) / hoursPerWeek,
    hardMaximum: workload.hardMaximum,
    requestsPerSecond: reports[index]?.requestsPerSecondPerReplica ?? Number.NaN,
  })
  return new Map(decision.workloads.map((workload, index) => [workloadId(workload), sizeOf(workload, index)]))
}

function round(replicas: number): number {
  return Math.round(replicas * 10) / 10
}
