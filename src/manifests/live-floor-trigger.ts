import type { Workload } from '../kit/workload.js'
import { quoteLabelValue, selector } from '../metrics/prometheus/promql.js'
import type { LiveFloor } from '../planning/capacity-plan.js'
import type { PrometheusTrigger } from './cluster-object.js'

/** What the exporter publishes: the larger of the template's floor and the live one, in replicas. */
const liveFloorMetric = 'llmscale_live_floor_replicas'

/** How long the last floor stands after the exporters have gone: long enough for a new image or a lost node. */
const holdMinutes = 30

/** What a trigger follows. */
interface FollowedFloor {
  /** Whose exporter it is. */
  environment: string
  workload: Workload
  live: LiveFloor
  /** True where the autoscaler scales up without tolerance: see `createScalingBehavior`. */
  exact: boolean
}

/**
 * Raises the floor to what the exporter publishes. Where Prometheus does not answer, the ScaledObject's fallback holds
 * the replicas that run.
 */
export function createLiveFloorTrigger(floor: FollowedFloor, serverAddress: string): PrometheusTrigger {
  return {
    type: 'prometheus',
    name: 'live-floor',
    metricType: 'AverageValue',
    metadata: { serverAddress, query: liveFloorQuery(floor), threshold: '1', ignoreNullValues: 'false' },
  }
}

/**
 * The replicas to ask for, as PromQL of one element that is never missing: the highest floor of all exporters, up to the
 * plan's maximum whatever they say; the last one for a while after they have gone; then 0, so that template and
 * reactive trigger are what is left, as before the first exporter ran. A NaN counts as gone. The workload without
 * tenant is not the tenants of its model.
 */
export function liveFloorQuery({ environment, workload, live, exact }: FollowedFloor): string {
  const { model, region, tenant = '' } = workload
  const labels = Object.entries({ environment, model, region, tenant })
  const matchers = labels.map(([label, value]) => `${label}=${quoteLabelValue(value)}`)
  const floor = selector(liveFloorMetric, matchers)
  const known = `max(${floor} >= 0) or max(last_over_time(${floor}[${holdMinutes}m]) >= 0) or vector(0)`
  const allowed = `clamp_max(${known}, ${live.maximum})`
  return exact ? allowed : reachedFloorQuery(allowed)
}

/** `reachedFloor` in PromQL: in whole tenths, and 0 stays 0. */
function reachedFloorQuery(floor: string): string {
  return `clamp_min(floor(11 * (${floor} - 1) / 10) + 1, 0)`
}
