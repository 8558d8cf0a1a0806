import { setTimeout as setTimeoutPromise } from 'node:timers/promises'
import type { EpochSeconds } from '../kit/units.js'
import { startExporterServer } from './exporter-server.js'
import { createFamilies, type ForecastScore } from './live-metrics.js'
import { type Instant, judgeWorkloads } from './live-state.js'
import { formatExposition } from './open-metrics.js'
import type { PlanReading } from './plan-source.js'
import { createProcessMetrics } from './process-metrics.js'
import { createRefresher, type Refresher, type RefreshSettings, settleSeconds } from './refresh.js'
import { createStateLog, type Log } from './state-log.js'

export interface ExporterSettings extends RefreshSettings {
  host: string
  port: number
  log: Log
  scorer?: Scorer
}

/** Says how the day-ahead forecast of the plan did so far. */
export interface Scorer {
  /** What is known by now. */
  scores(): readonly ForecastScore[]
  /** Told after each refresh; returns at once. */
  update(reading: PlanReading, now: EpochSeconds): void
}

/** An exporter that runs. */
export interface RunningExporter {
  url: string
  /** Within a second, scrapes that were asked for answered. */
  close(): Promise<void>
}

/** States also change between refreshes: a plan expires, data grows stale. */
const watchMilliseconds = 5000
/** A refresh that goes on is left to itself after this: git takes its temporary folder with it meanwhile. */
const leaveMilliseconds = 300

/**
 * Reads the plan, then serves what it says, at first the template; refreshes at once and then some seconds after each
 * whole interval of the clock, so that all replicas read the same steps. A refresh that is not done when the next is
 * due goes on alone.
 *
 * Throws what reading the plan throws, and PORT_IN_USE.
 */
export async function runExporter(settings: ExporterSettings): Promise<RunningExporter> {
  const { environment, everySeconds, host, port, log } = settings
  const refresher = await createRefresher(settings, readClocks())
  const processMetrics = createProcessMetrics()
  const logStates = createStateLog(log)
  const judge = (at: Instant) => judgeWorkloads(refresher.snapshot(), at, everySeconds)
  const createOwn = () => {
    const at = readClocks()
    return createFamilies(environment, refresher.snapshot(), judge(at), settings.scorer?.scores() ?? [], at)
  }

  const server = await startExporterServer(host, port, {
    metrics: async (exposition) =>
      formatExposition([...createOwn(), ...(await processMetrics())], exposition),
    notReady: () => (refresher.snapshot().refreshes > 0 ? undefined : 'demand is read for the first time'),
  })
  const { place, plan } = refresher.snapshot().reading
  log({
    time: readClocks().now,
    level: 'info',
    message: `plan ${plan.planId.slice(0, 12)} of ${place} on ${server.url}/metrics`,
    fields: { planId: plan.planId, url: server.url },
  })

  let refreshing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const watch = () => {
    const at = readClocks()
    logStates(judge(at), at.now)
  }
  const watcher = setInterval(watch, watchMilliseconds)
  const refresh = async () => {
    const planId = refresher.snapshot().reading.plan.planId
    await refresher.refresh(readClocks())
    logPlanChange(log, planId, refresher)
    settings.scorer?.update(refresher.snapshot().reading, readClocks().now)
    watch()
  }
  const tick = () => {
    timer = setTimeout(tick, millisecondsUntilNext(readClocks().now, everySeconds))
    refreshing ??= refresh().finally(() => {
      refreshing = undefined
    })
  }
  tick()
  return {
    url: server.url,
    close: async () => {
      clearTimeout(timer)
      clearInterval(watcher)
      await server.close()
      await Promise.race([refreshing, setTimeoutPromise(leaveMilliseconds)])
    },
  }
}

/** Until some seconds after the next whole interval of the clock. */
function millisecondsUntilNext(now: EpochSeconds, everySeconds: number): number {
  const next = Math.ceil((now - settleSeconds) / everySeconds + 1e-6) * everySeconds + settleSeconds
  return Math.max(1000, (next - now) * 1000)
}

function logPlanChange(log: Log, before: string, refresher: Refresher): void {
  const { plan, place } = refresher.snapshot().reading
  if (plan.planId === before) return
  log({
    time: readClocks().now,
    level: 'info',
    message: `plan ${plan.planId.slice(0, 12)} of ${place} takes over from ${before.slice(0, 12)}`,
    fields: { planId: plan.planId },
  })
}

export function readClocks(): Instant {
  return { now: Date.now() / 1000, monotone: performance.now() / 1000 }
}
