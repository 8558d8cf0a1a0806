import { z } from 'zod'
import type { Environment } from '../config/environment.js'
import { type ExitReason, exitCodes, LlmscaleError } from '../kit/errors.js'
import { parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { type CapacityPlan, PlanDecision, PlanHeader, WorkloadReport } from './capacity-plan.js'
import { standingReplicaHours } from './constant-floor.js'
import type { Hold } from './hold.js'
import { fileDigest, planDigest } from './plan-file.js'

// Whether a plan may be applied, from the plan and what stands beside it in git alone: no cluster, no network.

const guardNames = [
  'kill-switch',
  'schema',
  'digest',
  'environment',
  'backend',
  'approval',
  'expiry',
  'superseded',
  'hold',
  'baseline',
  'changes',
  'deletions',
  'purchases',
  'caps',
  'budget',
  'cluster',
  'adoption',
  'quota',
  'availability',
] as const
export type GuardName = (typeof guardNames)[number]

/** What one guard says. `reason` is the kind of failure, and so the exit code, where it refuses. */
export const GuardVerdict = z.strictObject({
  guard: z.enum(guardNames),
  state: z.enum(['passed', 'refused', 'not-checked']),
  message: z.string(),
  reason: z.enum(Object.keys(exitCodes) as ExitReason[]),
  code: z.string(),
})
export type GuardVerdict = z.infer<typeof GuardVerdict>

/** What one apply to a region may lower only by a share. */
interface CapacityTotals {
  floorGpuHoursPerWeek: number
  /** GPUs of all replicas at the hard maximum. */
  maximumGpus: number
  /** GPUs at the pools’ limits. */
  poolGpus: number
}

/** The plan that a stack was last deployed from, as its outputs hold it: the part of its region. */
export const Deployed = z.object({ planId: z.string(), header: PlanHeader, decision: PlanDecision })
export type Deployed = z.infer<typeof Deployed>

export interface GuardInputs {
  plan: CapacityPlan
  /** Where the plan is about to be applied. */
  environment: string
  region: string
  /** Regions that the environment serves from; not checked where they are left out. */
  servedRegions?: readonly string[]
  now: EpochSeconds
  /** Until when the same decision was found to be right still, after the plan was reviewed; ISO 8601. */
  renewedUntil?: string
  holds: readonly Hold[]
  /** The plan in force as its files have it; without it, what is deployed counts. */
  baseline?: CapacityPlan
  deployed?: Deployed
  /** Plan that the stack was deployed from when the committed change set was made; null where from none. */
  reviewedDeployment?: string | null
  /** Largest share by which floors and limits of the region may fall, 0 … 1. */
  decreaseCap: number
  /** What keeps the floors, of the plan in force too; default `keda`. */
  autoscaler?: Environment['autoscaler']
  /** False in a preview: what forbids only writing is told then, not refused. */
  writes: boolean
  /** Value of LLMSCALE_KILL_SWITCH. */
  killSwitch?: string
  /** Pulumi backend URL; without it the local one. */
  backend?: string
  /** A workflow's runner, whose disk dies with it. */
  onRunner: boolean
  budgetUsdPerDay?: number
}

/** The verdicts that need nothing but the plan and what stands beside it, in the order in which they count. */
export function checkGuards(inputs: GuardInputs): GuardVerdict[] {
  return [
    checkKillSwitch(inputs),
    checkSchema(inputs),
    checkDigest(inputs),
    checkEnvironment(inputs),
    checkBackend(inputs),
    checkExpiry(inputs),
    checkSuperseded(inputs),
    checkHolds(inputs),
    checkBaseline(inputs),
    checkCaps(inputs),
    checkBudget(inputs),
  ]
}

/** In the order in which guards count: the first refusal is the one that is thrown. */
export function sortVerdicts(verdicts: readonly GuardVerdict[]): GuardVerdict[] {
  return [...verdicts].sort((a, b) => guardNames.indexOf(a.guard) - guardNames.indexOf(b.guard))
}

/** Throws the first refusal, with the exit code of its kind. */
export function assertGuards(verdicts: readonly GuardVerdict[]): void {
  const refusal = sortVerdicts(verdicts).find(({ state }) => state === 'refused')
  if (refusal !== undefined)
    throw new LlmscaleError(refusal.reason, refusal.code, refusal.message, nextStepsOf(refusal))
}

/** What people may do about a refusal. */
export function nextStepsOf({ guard, code }: Pick<GuardVerdict, 'guard' | 'code'>): string[] {
  return stepsByCode[code] ?? nextSteps[guard] ?? []
}

const replan = 'Run `llmscale plan` again.'
const preview =
  'llmscale preview --write records what the plan changes from what is deployed now; have it reviewed.'
const nextSteps: Partial<Record<GuardName, string[]>> = {
  'kill-switch': ['Unset LLMSCALE_KILL_SWITCH when writing is safe again.'],
  schema: [replan],
  digest: [replan, 'To overrule a number, add it to overrides: in llmscale.yaml.'],
  environment: ['Name the folder of the right environment with --plan.'],
  backend: ['Set environments.<env>.backend in llmscale.yaml, e.g. s3://bucket?region=us-east-1.'],
  expiry: [`${replan} To look at an old plan, name its time with --as-of.`],
  superseded: ['To go back to an older plan: llmscale rollback.'],
  hold: ['Remove the hold file, by a reviewed change, when the reason is gone.'],
  baseline: [preview],
  changes: [preview],
  deletions: ['Add --allow-delete NAME, once for each.'],
  purchases: ['Add --allow-purchase NAME, once for each: it bills from its creation.'],
  caps: ['Apply the decrease in steps, or raise planning.decreaseCap in llmscale.yaml.'],
  budget: ['Set environments.<env>.budget.usdPerDay in llmscale.yaml.'],
  adoption: ['Add --adopt to take the floor over.'],
}

/** By code, where a guard refuses in several ways. */
const stepsByCode: Record<string, string[]> = {
  MANIFESTS_DIFFER: ['llmscale render writes the folder as the plan gives it; commit it with the plan.'],
  PLAN_OF_OTHER_REGION: [
    replan,
    'What runs in the region stays until it is deleted: llmscale destroy --region, which asks first.',
  ],
  APPROVAL_MISSING: [
    'Have the plan and changes.json approved and merged by a pull request, then apply from the reviewed branch.',
    'A shared backend needs environments.<env>.approval: git or github.',
  ],
  FILES_NOT_REVIEWED: [
    'Have these files merged by review, or take them as they are on the reviewed branch (git pull, git stash).',
  ],
  APPROVAL_UNKNOWN: [
    'Give it what the message names, so that it can ask for the review: a remote that answers, the reviewed branch, ' +
      'GITHUB_TOKEN and GITHUB_REPOSITORY (docs/state.md).',
  ],
}

type Rule = Pick<GuardVerdict, 'guard' | 'reason' | 'code'>

const passed = (rule: Rule, message: string): GuardVerdict => ({ ...rule, state: 'passed', message })
const refused = (rule: Rule, message: string): GuardVerdict => ({ ...rule, state: 'refused', message })
const notChecked = (rule: Rule, message: string): GuardVerdict => ({ ...rule, state: 'not-checked', message })

/** The way to stop all writes that needs no change in git. */
export function checkKillSwitch({
  killSwitch,
  writes,
}: Pick<GuardInputs, 'killSwitch' | 'writes'>): GuardVerdict {
  const rule: Rule = { guard: 'kill-switch', reason: 'hold', code: 'KILL_SWITCH' }
  if (killSwitch === undefined || ['', '0', 'false'].includes(killSwitch))
    return passed(rule, 'LLMSCALE_KILL_SWITCH is not set')
  return writes
    ? refused(rule, 'LLMSCALE_KILL_SWITCH is set: nothing is written')
    : notChecked(rule, 'LLMSCALE_KILL_SWITCH is set: an apply would be refused')
}

/** Without a URL the backend is a folder of this machine. */
export function isLocalBackend(backend: string | undefined): boolean {
  return backend === undefined || backend.startsWith('file:')
}

/** On a runner the local backend starts empty and dies with it: every run would be a first deployment. */
function checkBackend({ backend, onRunner }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'backend', reason: 'configInvalid', code: 'BACKEND_LOCAL_IN_CI' }
  if (!isLocalBackend(backend)) return passed(rule, withoutSecrets(backend!))
  return onRunner
    ? refused(rule, 'the environment has no shared Pulumi backend, and state on a runner dies with it')
    : passed(rule, 'local, for this machine alone')
}

/** A backend's URL may hold a user and a password. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//…@').replace(/[?#].*$/, '')
}

function checkSuperseded({ plan, deployed }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'superseded', reason: 'planStale', code: 'PLAN_SUPERSEDED' }
  if (deployed === undefined) return passed(rule, 'nothing is deployed yet')
  const { origin } = deployed.header
  const isNewer = parseInstant(origin)! > parseInstant(plan.header.origin)!
  return isNewer && deployed.planId !== plan.planId
    ? refused(
        rule,
        `plan ${deployed.planId.slice(0, 12)} of ${origin} is deployed, newer than this one of ${plan.header.origin}`,
      )
    : passed(rule, 'no newer plan is deployed')
}

/** A reviewer judged the step from one plan to the next: from any other plan it is another step. */
function checkBaseline({ plan, deployed, reviewedDeployment, writes }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'baseline', reason: 'digestMismatch', code: 'BASELINE_MISMATCH' }
  const name = (planId: string) => planId.slice(0, 12)
  if (deployed?.planId === plan.planId) return passed(rule, 'this plan is deployed already')
  const expected = reviewedDeployment === undefined ? plan.header.baseline : reviewedDeployment
  if (deployed === undefined && reviewedDeployment == null) return passed(rule, 'nothing is deployed yet')
  if (deployed !== undefined && deployed.planId === expected)
    return passed(rule, `follows plan ${name(expected)}`)
  const first = reviewedDeployment === undefined ? 'made as a first plan' : 'reviewed when none was deployed'
  const later = reviewedDeployment === undefined ? 'made' : 'reviewed'
  const message =
    `${deployed === undefined ? 'nothing' : `plan ${name(deployed.planId)}`} is deployed; this plan was ` +
    (expected === null ? first : `${later} as a change of plan ${name(expected)}`)
  return writes ? refused(rule, message) : notChecked(rule, `${message}: an apply would be refused`)
}

function checkBudget({ plan, backend, budgetUsdPerDay }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'budget', reason: 'policy', code: 'BUDGET_EXCEEDED' }
  const cost = plan.header.cost.usdPerDay.p90
  if (budgetUsdPerDay === undefined) {
    return isLocalBackend(backend)
      ? notChecked(rule, 'the environment has no budget')
      : refused(
          { ...rule, reason: 'configInvalid', code: 'BUDGET_MISSING' },
          'the environment has no budget, which every shared backend needs',
        )
  }
  const told = `${Math.round(cost)} USD a day (90th percentile, estimated) of ${budgetUsdPerDay}`
  return cost > budgetUsdPerDay + 1e-6 ? refused(rule, told) : passed(rule, told)
}

function checkSchema({ plan }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'schema', reason: 'configInvalid', code: 'PLAN_UNREADABLE' }
  const Plan = z.strictObject({
    planId: z.string(),
    header: PlanHeader,
    decision: PlanDecision,
    reports: z.array(WorkloadReport),
  })
  const issue = Plan.safeParse(plan).error?.issues[0]
  return issue === undefined
    ? passed(rule, 'every field is as the schema wants it')
    : refused(rule, `plan ${issue.path.join('.')}: ${issue.message}`)
}

function checkDigest({ plan }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'digest', reason: 'digestMismatch', code: 'PLAN_DIGEST_MISMATCH' }
  for (const [name, written, computed] of [
    ['planId', plan.planId, planDigest(plan.decision)],
    ['header.fileDigest', plan.header.fileDigest, fileDigest(plan)],
  ] as const) {
    if (written !== computed)
      return refused(
        rule,
        `${name} ${written.slice(0, 12)} is not the digest of the plan, ${computed.slice(0, 12)}: it was edited by hand`,
      )
  }
  return passed(rule, `plan ${plan.planId.slice(0, 12)} is as it was written`)
}

function checkEnvironment({ plan, environment, region, servedRegions }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'environment', reason: 'configInvalid', code: 'PLAN_OF_OTHER_ENVIRONMENT' }
  const planned = plan.decision.environment
  if (planned !== environment)
    return refused(rule, `the plan is of environment ${planned}, the stack of ${environment}`)
  if (servedRegions !== undefined && !servedRegions.includes(region))
    return refused(
      { ...rule, code: 'PLAN_OF_OTHER_REGION' },
      `the plan is of region ${region}; environments.${environment}.regions of llmscale.yaml has ${servedRegions.join(', ')}`,
    )
  return passed(rule, `${environment}, ${region}`)
}

function checkExpiry({ plan, now, renewedUntil }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'expiry', reason: 'planStale', code: 'PLAN_EXPIRED' }
  const isRenewed = renewedUntil !== undefined && renewedUntil > plan.header.validUntil
  const validUntil = isRenewed ? renewedUntil : plan.header.validUntil
  return now < parseInstant(validUntil)!
    ? passed(rule, `valid until ${validUntil}${isRenewed ? ', renewed' : ''}`)
    : refused(rule, `the plan was valid until ${validUntil}; what is deployed stays`)
}

function checkHolds({ plan, holds, now, writes }: GuardInputs): GuardVerdict {
  const rule: Rule = { guard: 'hold', reason: 'hold', code: 'HOLD' }
  const hold = holds.find(
    ({ until, except }) => except !== plan.planId && (until === undefined || now < parseInstant(until)!),
  )
  if (hold === undefined) return passed(rule, 'no hold forbids this plan')
  const end = hold.until === undefined ? 'until its file is removed' : `until ${hold.until}`
  const message = `held by ${hold.by} ${end}: ${hold.reason}`
  return writes ? refused(rule, message) : notChecked(rule, `${message} (an apply would be refused)`)
}

const totalNames: Record<keyof CapacityTotals, string> = {
  floorGpuHoursPerWeek: 'floor GPU-hours a week',
  maximumGpus: 'GPUs at the hard maximum',
  poolGpus: 'GPUs of the pool limits',
}

/** The totals of a plan in one region, with the floors that its autoscaler really keeps. */
function capacityTotals(
  { decision }: Pick<CapacityPlan, 'decision'>,
  { region, autoscaler = 'keda' }: GuardInputs,
): CapacityTotals {
  const totals: CapacityTotals = { floorGpuHoursPerWeek: 0, maximumGpus: 0, poolGpus: 0 }
  for (const workload of decision.workloads) {
    if (workload.region !== region) continue
    const { gpusPerReplica } = workload.shape
    totals.floorGpuHoursPerWeek += standingReplicaHours(workload.floors, autoscaler) * gpusPerReplica
    totals.maximumGpus += workload.hardMaximum * gpusPerReplica
  }
  for (const pool of decision.pools)
    if (pool.region === region) totals.poolGpus += pool.maximumNodes * pool.gpusPerNode
  return totals
}

function checkCaps(inputs: GuardInputs): GuardVerdict {
  const { plan, baseline, deployed, region, decreaseCap } = inputs
  const rule: Rule = { guard: 'caps', reason: 'policy', code: 'DECREASE_CAP' }
  const inForce = baseline ?? deployed
  if (inForce === undefined) return notChecked(rule, 'there is no plan in force to compare with')
  const before = capacityTotals(inForce, inputs)
  const percent = (share: number) => `${Math.round(share * 1000) / 10} %`
  const after = capacityTotals(plan, inputs)
  let largest = 0
  for (const key of Object.keys(totalNames) as (keyof CapacityTotals)[]) {
    const fall = before[key] > 0 ? (before[key] - after[key]) / before[key] : 0
    if (fall > decreaseCap + 1e-9)
      return refused(
        rule,
        `${totalNames[key]} in ${region} fall by ${percent(fall)} (${Math.round(before[key])} to ${Math.round(after[key])}), ` +
          `more than the cap of ${percent(decreaseCap)}`,
      )
    largest = Math.max(largest, fall)
  }
  return passed(rule, `largest decrease ${percent(largest)} of ${percent(decreaseCap)}`)
}
