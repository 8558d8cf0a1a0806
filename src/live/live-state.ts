import { formatDuration, formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerHour } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import { type LiveForecast, raiseFloor } from '../planning/live-floor.js'
import { judgeHold } from '../review/hold-table.js'
import type { PlanReading } from './plan-source.js'
import type { TemplateFloor } from './template-floor.js'

/** Why the template stands; each is a value of the label `reason`. */
export const templateReasons = [
  'gate-closed',
  'plan-unreadable',
  'plan-unapproved',
  'plan-superseded',
  'plan-held',
  'plan-expired',
  'clock-jump',
  'starting',
  'source-failed',
  'source-slow',
  'data-stale',
  'workload-unknown',
  'workload-vanished',
  'forecast-unknown',
] as const
type TemplateReason = (typeof templateReasons)[number]

/** Whether the live floor is followed, why, and what people need to know beside it. */
export type LiveState =
  | { state: 'following'; reason: 'live'; detail: '' }
  | { state: 'template'; reason: TemplateReason; detail: string }

/** What is known of one workload of the plan. */
export interface WorkloadReading {
  decision: WorkloadDecision
  report: WorkloadReport
  template: TemplateFloor
  /** From the complete steps that were read last. Undefined where none was made. */
  forecast?: LiveForecast
  /** End of its last step with a value. */
  knownUntil?: EpochSeconds
  /** Why no forecast can be made. */
  fault?: string
}

/** What went wrong in a refresh. */
export interface Failure {
  /** Code of an LlmscaleError. */
  code: string
  message: string
}

/** Everything that floors are read off, at any time, until the next refresh. */
export interface Snapshot {
  reading: PlanReading
  /** When the last refresh began. */
  clock: Instant
  /** When the plan was last read; and what went wrong since, if it did. */
  planReadAt: EpochSeconds
  planFailure?: Failure & { isTemporary: boolean }
  workloads: WorkloadReading[]
  /** End of the last complete step that the source has. */
  dataEnd?: EpochSeconds
  stepSeconds?: number
  /** Of the last refresh. */
  failure?: Failure
  /** Begin of a refresh that has not ended. */
  refreshingSince?: EpochSeconds
  refreshes: number
  failures: number
  refreshSeconds?: number
}

/** The two clocks of the machine: one that people set, one that only goes on. */
export interface Instant {
  now: EpochSeconds
  /** Seconds from any origin. */
  monotone: number
}

/** What is published of one workload. */
export interface WorkloadStatus {
  workload: Workload
  decision: WorkloadDecision
  report: WorkloadReport
  template: number
  /** Never below the template. */
  floor: number
  /** Only where it is as fresh as a floor needs. */
  forecast?: LiveForecast
  state: LiveState
}

/** A git host may be away for so long; a plan that was merged before is followed meanwhile. */
const longestPlanAgeSeconds = secondsPerHour
/** More than clocks are slewed by in a refresh, and less than a floor is wrong by. */
const largestJumpSeconds = 60

/**
 * What is published at a time. Only the snapshot and the clocks decide: two exporters that read the same publish the
 * same, and whoever asks, however often, changes nothing. What is not sure leaves the template.
 * @param everySeconds between two refreshes
 */
export function judgeWorkloads(snapshot: Snapshot, at: Instant, everySeconds: number): WorkloadStatus[] {
  const ofAll = judgePlan(snapshot, at) ?? judgeSource(snapshot, at.now, everySeconds)
  return snapshot.workloads.map((reading) => {
    const { decision, report, forecast } = reading
    const template = reading.template(at.now)
    const state = judgeGate(decision) ?? ofAll ?? judgeWorkload(reading, snapshot, everySeconds)
    const isFollowed = state.state === 'following' && decision.live !== undefined && forecast !== undefined
    return {
      workload: decision,
      decision,
      report,
      template,
      floor: isFollowed
        ? raiseFloor(template, forecast.floor, {
            maximum: decision.live!.maximum,
            hardMaximum: decision.hardMaximum,
          })
        : template,
      ...(isFollowed && { forecast }),
      state,
    }
  })
}

/** Older data says too little of now: one refresh may fail, not two. */
export function longestAge(stepSeconds: number, everySeconds: number): number {
  return stepSeconds + 2 * everySeconds
}

/** The hold that forbids the plan at a time. */
export function findHold({ plan, holds }: PlanReading, now: EpochSeconds): string | undefined {
  for (const { name, hold } of holds) {
    if (judgeHold(name, hold, now).state === 'ended' || hold?.except === plan.planId) continue
    return hold === undefined ? `hold ${name} cannot be read` : `held by ${hold.by}: ${hold.reason}`
  }
  return undefined
}

/** Until when the plan may be followed. */
export function validUntil({ plan, renewedUntil }: PlanReading): EpochSeconds {
  const own = parseInstant(plan.header.validUntil)!
  return Math.max(own, renewedUntil === undefined ? own : parseInstant(renewedUntil)!)
}

const template = (reason: TemplateReason, detail: string): LiveState => ({
  state: 'template',
  reason,
  detail,
})

function judgeGate({ live }: WorkloadDecision): LiveState | undefined {
  return live === undefined ? template('gate-closed', 'the plan has no live floor for it') : undefined
}

function judgePlan(snapshot: Snapshot, { now, monotone }: Instant): LiveState | undefined {
  const { reading, planFailure, planReadAt, clock } = snapshot
  const jump = now - clock.now - (monotone - clock.monotone)
  if (Math.abs(jump) > largestJumpSeconds)
    return template('clock-jump', `the clock moved by ${Math.round(jump)} s since the last refresh`)
  if (planFailure !== undefined) {
    const isBearable = planFailure.isTemporary && now - planReadAt <= longestPlanAgeSeconds
    if (!isBearable) return template('plan-unreadable', planFailure.message)
  }
  if (reading.refusal !== undefined) return template(reading.refusal.reason, reading.refusal.message)
  const hold = findHold(reading, now)
  if (hold !== undefined) return template('plan-held', hold)
  const until = validUntil(reading)
  if (now >= until) return template('plan-expired', `the plan was valid until ${formatInstant(until)}`)
  return undefined
}

function judgeSource(snapshot: Snapshot, now: EpochSeconds, everySeconds: number): LiveState | undefined {
  const { dataEnd, stepSeconds, failure, refreshingSince } = snapshot
  if (dataEnd !== undefined && stepSeconds !== undefined) {
    if (dataEnd > now + largestJumpSeconds)
      return template('clock-jump', `the source has data until ${formatInstant(dataEnd)}, after now`)
    if (now - dataEnd <= longestAge(stepSeconds, everySeconds)) return undefined
  }
  if (failure !== undefined) return template('source-failed', failure.message)
  if (refreshingSince !== undefined && now - refreshingSince > everySeconds)
    return template('source-slow', `it has not answered since ${formatInstant(Math.floor(refreshingSince))}`)
  return dataEnd === undefined
    ? template('starting', 'demand is read for the first time')
    : template(
        'data-stale',
        `the source has nothing after ${formatInstant(dataEnd)}, older than ${formatDuration(longestAge(stepSeconds!, everySeconds))}`,
      )
}

function judgeWorkload(
  { fault, forecast, knownUntil }: WorkloadReading,
  { dataEnd, stepSeconds }: Snapshot,
  everySeconds: number,
): LiveState {
  if (fault !== undefined) return template('workload-unknown', fault)
  if (knownUntil === undefined || dataEnd! - knownUntil > longestAge(stepSeconds!, everySeconds))
    return template(
      'workload-vanished',
      `the source has ${knownUntil === undefined ? 'no demand of it' : `none since ${formatInstant(knownUntil)}`}`,
    )
  if (forecast === undefined || Number.isNaN(forecast.floor))
    return template('forecast-unknown', 'no load is known in the last hour')
  return { state: 'following', reason: 'live', detail: '' }
}

/** `chat-70b/us-east-1`. */
export function statusName({ workload }: WorkloadStatus): string {
  return workloadId(workload)
}
