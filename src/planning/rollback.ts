import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, Finding, PlanHeader } from './capacity-plan.js'
import { listWorkloads } from './place-workloads.js'
import { sealPlan } from './plan-file.js'

const rolledBackCode = 'ROLLED_BACK'

/** What a plan file's history is searched for: newer versions first. */
export interface PlanVersion {
  planId: string
  header: Pick<PlanHeader, 'baseline' | 'findings'>
}

/**
 * The newest version that decides otherwise than the plan in force. What an earlier rollback went away from is left out:
 * a second rollback goes further back, not to the plan that the first one was for.
 */
export async function findPrevious<Version extends PlanVersion>(
  present: PlanVersion,
  versions: AsyncIterable<Version>,
): Promise<Version | undefined> {
  const left = new Set<string | null>()
  const note = ({ header }: PlanVersion) => {
    if (header.findings.some(({ code }) => code === rolledBackCode)) left.add(header.baseline)
  }
  note(present)
  for await (const version of versions) {
    if (version.planId !== present.planId && !left.has(version.planId)) return version
    note(version)
  }
  return undefined
}

export interface RollbackInputs {
  config: Config
  /** The environment that is rolled back. */
  environment: string
  /** The plan to go back to. */
  previous: CapacityPlan
  /** The plan in force, which it goes away from. */
  present: CapacityPlan
  reason: string
  now: EpochSeconds
  toolVersion: string
}

/**
 * The decision of a previous plan as a plan of now: valid from now on, a change of the present one, sealed anew. Costs
 * and risks stay those of its own time, which a finding says; peaks of days that are over are left out.
 * Throws `configInvalid` PLAN_OF_OTHER_ENVIRONMENT, and `usage` NOTHING_TO_ROLL_BACK for the decision in force.
 */
export function rollBackPlan(inputs: RollbackInputs): CapacityPlan {
  const { config, environment, previous, present, now, toolVersion } = inputs
  const planned = previous.decision.environment
  if (planned !== environment)
    throw new LlmscaleError(
      'configInvalid',
      'PLAN_OF_OTHER_ENVIRONMENT',
      `plan ${previous.planId.slice(0, 12)} is of environment ${planned}, not of ${environment}`,
      ['Name a plan of the same environment with --to.'],
    )
  if (previous.planId === present.planId)
    throw new LlmscaleError(
      'usage',
      'NOTHING_TO_ROLL_BACK',
      `plan ${previous.planId.slice(0, 12)} is in force already`,
    )
  return sealPlan({
    ...previous,
    header: {
      ...previous.header,
      origin: formatInstant(now),
      validUntil: formatInstant(now + config.planning.validity),
      baseline: present.planId,
      toolVersion,
      findings: [
        describeRollback(inputs),
        ...findStrangers(inputs),
        ...findEndedOverrides(inputs),
        ...previous.header.findings.filter(({ code }) => code !== rolledBackCode),
      ],
    },
    reports: previous.reports.map((report) => ({
      ...report,
      dailyPeakReplicas: report.dailyPeakReplicas.filter(
        ({ date }) => date >= formatInstant(now).slice(0, 10),
      ),
    })),
  })
}

function describeRollback({ previous, present, reason }: RollbackInputs): Finding {
  return {
    code: rolledBackCode,
    message:
      `from plan ${present.planId.slice(0, 12)} of ${present.header.origin} back to ${previous.planId.slice(0, 12)} of ` +
      `${previous.header.origin}, whose costs and risks these are: ${reason}`,
  }
}

/** Only llmscale.yaml removes a workload: one that comes back goes again with the next plan. */
function findStrangers({ config, environment, previous }: RollbackInputs): Finding[] {
  const wanted = new Set(listWorkloads(config, environment).map(({ workload }) => workloadId(workload)))
  return previous.decision.workloads
    .map(workloadId)
    .filter((id) => !wanted.has(id))
    .map((id) => ({
      code: 'WORKLOAD_UNKNOWN',
      message: `${id} comes back, but is no longer in llmscale.yaml: the next plan deletes it`,
    }))
}

function findEndedOverrides({ previous, now }: RollbackInputs): Finding[] {
  return previous.decision.overrides
    .filter(({ until }) => parseInstant(until)! <= now)
    .map(({ workload, by, until }) => ({
      code: 'OVERRIDE_EXPIRED',
      message: `the override of ${workload} by ${by} ended ${until} and is in this plan's numbers`,
    }))
}
