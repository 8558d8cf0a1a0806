import type { EpochSeconds } from '../../kit/units.js'
import type { PrometheusClient } from './prometheus-client.js'

/** Clocks that differ by more are not in step. */
const tolerableSkewSeconds = 30

/** The server's time, by which its data are kept; a machine whose clock is off must not ask for half a step. */
export async function readServerClock(
  client: PrometheusClient,
  now: EpochSeconds,
): Promise<{ serverNow: EpochSeconds; skewSeconds: number; isOff: boolean }> {
  const { series } = await client.queryInstant('time()')
  const serverNow = series[0]?.values[0] ?? now
  const skewSeconds = serverNow - now
  return { serverNow, skewSeconds, isOff: Math.abs(skewSeconds) > tolerableSkewSeconds }
}
