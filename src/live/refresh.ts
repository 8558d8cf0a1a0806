import { setImmediate } from 'node:timers/promises'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { findSecretValues, maskText } from '../kit/secret-forms.js'
import { workloadId } from '../kit/workload.js'
import { forecastLiveFloor, type LiveModel, lastMidnight } from '../planning/live-floor.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import type { FitModels, FitTask } from './fit-models.js'
import type { Failure, Instant, Snapshot, WorkloadReading } from './live-state.js'
import { type LoadWindow, type ReadDemand, readLoadWindow } from './load-window.js'
import { planCapacity } from './plan-capacity.js'
import type { PlanReading } from './plan-source.js'
import { createTemplateFloor } from './template-floor.js'

export interface RefreshSettings {
  config: Config
  environment: string
  /** Between two refreshes. */
  everySeconds: number
  readPlan: () => Promise<PlanReading>
  readDemand: ReadDemand
  fitModels: FitModels
}

/** Keeps what floors are read off. */
export interface Refresher {
  /** What is known now; a new object after each refresh. */
  snapshot(): Snapshot
  /**
   * Reads the plan and what demand came until `at`, less the time that the last scrape takes to arrive. Faults of plan
   * and source are part of the snapshot; only bugs reject. One at a time.
   */
  refresh(at: Instant): Promise<void>
}

/** What is made of one plan; another plan begins anew. */
interface PlanWork {
  fileDigest: string
  workloads: WorkloadReading[]
  capacities: Map<string, ReplicaCapacity>
  models: Map<string, LiveModel>
  window?: LoadWindow
}

/** Scrapes take some seconds to be stored. */
export const settleSeconds = 10

/** Reads the plan for the first time: throws what the source throws. */
export async function createRefresher(settings: RefreshSettings, at: Instant): Promise<Refresher> {
  const { config, environment } = settings
  const reading = await settings.readPlan()
  let work = beginPlan(reading, config, environment)
  let snapshot: Snapshot = {
    reading,
    clock: at,
    planReadAt: at.now,
    workloads: work.workloads,
    refreshes: 0,
    failures: 0,
  }

  /** Holds act at once; another plan takes over with its floors. */
  async function readPlan(at: Instant): Promise<Partial<Snapshot>> {
    try {
      const reading = await settings.readPlan()
      const { planFailure: _, ...rest } = snapshot
      const read = { reading, planReadAt: at.now }
      snapshot = rest
      if (reading.plan.header.fileDigest === work.fileDigest) {
        snapshot = { ...rest, ...read }
        return {}
      }
      work = beginPlan(reading, config, environment)
      return { ...read, workloads: work.workloads }
    } catch (error) {
      snapshot = { ...snapshot, planFailure: describePlanFailure(error) }
      return {}
    }
  }

  async function makeFloors(at: Instant): Promise<Pick<Snapshot, 'workloads' | 'dataEnd' | 'stepSeconds'>> {
    const loads = { capacities: work.capacities, burstFactor: config.planning.burstFactor }
    work.window = await readLoadWindow(settings.readDemand, work.window, at.now - settleSeconds, loads)
    const { dataEnd, grid } = work.window
    await fitAnew(work, work.window, settings)
    const workloads: WorkloadReading[] = []
    for (const reading of work.workloads) {
      workloads.push(forecastWorkload(work, work.window, reading))
      // A scrape that waits is answered between two of them.
      await setImmediate()
    }
    return { workloads, dataEnd, stepSeconds: grid.stepSeconds }
  }

  return {
    snapshot: () => snapshot,
    refresh: async (at) => {
      const begun = performance.now()
      snapshot = { ...snapshot, clock: at, refreshingSince: at.now }
      const plan = await readPlan(at)
      const made = await makeFloors(at).catch((error: unknown) => ({ failure: describeFailure(error) }))
      const { failure: _, refreshingSince: __, ...rest } = { ...snapshot, ...plan }
      const isFailed = 'failure' in made || rest.planFailure !== undefined
      snapshot = {
        ...rest,
        ...made,
        refreshes: rest.refreshes + 1,
        failures: rest.failures + (isFailed ? 1 : 0),
        refreshSeconds: (performance.now() - begun) / 1000,
      }
    },
  }
}

function beginPlan({ plan }: PlanReading, config: Config, environment: string): PlanWork {
  const capacities = new Map<string, ReplicaCapacity>()
  const workloads = plan.decision.workloads.map((decision, index): WorkloadReading => {
    const report = plan.reports[index]!
    const reading = { decision, report, template: createTemplateFloor(decision) }
    if (decision.live === undefined) return reading
    try {
      capacities.set(workloadId(decision), planCapacity(config, environment, decision, report))
      return reading
    } catch (error) {
      return { ...reading, fault: describeFailure(error).message }
    }
  })
  return { fileDigest: plan.header.fileDigest, workloads, capacities, models: new Map() }
}

/** Models are of a day: those of another one are fitted anew. */
async function fitAnew(
  { workloads, models }: PlanWork,
  window: LoadWindow,
  { everySeconds, fitModels }: RefreshSettings,
): Promise<void> {
  const { loads, grid, dataEnd } = window
  const tasks = new Map<string, FitTask>()
  for (const { decision } of workloads) {
    const id = workloadId(decision)
    const load = loads.get(id)
    if (load === undefined || models.get(id)?.midnight === lastMidnight(dataEnd)) continue
    const { coldStartSeconds } = decision
    tasks.set(id, { load, grid, now: presentStep(window), timing: { coldStartSeconds, everySeconds } })
  }
  const fitted = await fitModels([...tasks.values()])
  for (const [index, id] of [...tasks.keys()].entries()) models.set(id, fitted[index]!)
}

function presentStep({ grid, dataEnd }: LoadWindow): number {
  return Math.round((dataEnd - grid.start) / grid.stepSeconds)
}

function forecastWorkload(
  { models }: PlanWork,
  window: LoadWindow,
  reading: WorkloadReading,
): WorkloadReading {
  const { live } = reading.decision
  const id = workloadId(reading.decision)
  const [load, until, model] = [window.loads.get(id), window.knownUntil.get(id), models.get(id)]
  if (live === undefined || load === undefined || until === undefined || model === undefined) return reading
  const forecast = forecastLiveFloor(model, load, window.grid, presentStep(window), live.quantile)
  return { ...reading, forecast, knownUntil: until }
}

function describePlanFailure(error: unknown): NonNullable<Snapshot['planFailure']> {
  const isTemporary = error instanceof LlmscaleError && error.reason === 'upstreamUnavailable'
  return { ...describeFailure(error), isTemporary }
}

/** What others wrote is in it: fit for a log, without secrets. Throws what is a bug. */
function describeFailure(error: unknown): Failure {
  if (!(error instanceof LlmscaleError)) throw error
  const secrets = findSecretValues(process.env)
  return { code: error.code, message: cleanText(maskText(error.message, secrets), secrets) }
}
