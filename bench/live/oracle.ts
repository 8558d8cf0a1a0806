import { createLine } from '../../src/planning/replay-live.js'

/** What the oracle knows besides the load: prices in ticks. */
export interface OracleSettings {
  tickSeconds: number
  coldStartSeconds: number
  drainSeconds: number
  minReplicas: number
}

/** Replica-hours that are billed, and the share of the load that is late in the line of the simulator. */
export interface OraclePoint {
  replicaHours: number
  lateShare: number
}

/**
 * The least that whole replicas cost when every tick is known ahead, each level by dynamic programming: the j-th replica
 * is on where its load is worth a price of lateness, and pays the cold start and the drain of each start. Levels are
 * nested, so that their sum is a schedule. One point for each price; what is late is counted in the same line as a
 * policy's, where work that was put off comes back, which the programme does not know: it is optimal for load that is
 * lost, and near it for load that waits.
 */
export function scheduleOracle(
  load: Float64Array,
  prices: readonly number[],
  settings: OracleSettings,
): OraclePoint[] {
  return prices.map((price) => runSchedule(load, price, settings))
}

function runSchedule(load: Float64Array, price: number, settings: OracleSettings): OraclePoint {
  const { tickSeconds, minReplicas } = settings
  const startTicks = (settings.coldStartSeconds + settings.drainSeconds) / tickSeconds
  const levels = Math.ceil(load.reduce((most, value) => (value > most ? value : most), 0))
  const ready = new Float64Array(load.length).fill(minReplicas)
  let billedTicks = minReplicas * load.length
  const choice = new Uint8Array(load.length)
  for (let level = minReplicas; level < levels; level++)
    billedTicks += scheduleLevel(load, level, price, startTicks, choice, ready)
  const line = createLine(tickSeconds)
  let late = 0
  let all = 0
  for (let tick = 0; tick < load.length; tick++) {
    if (Number.isNaN(load[tick]!)) {
      billedTicks -= ready[tick]!
      continue
    }
    late += line.serve(load[tick]!, ready[tick]!)
    all += load[tick]!
  }
  return { replicaHours: (billedTicks * tickSeconds) / 3600, lateShare: late / all }
}

/** The cheapest times of one replica; adds it to `ready` and gives the ticks that it is billed. */
function scheduleLevel(
  load: Float64Array,
  level: number,
  price: number,
  startTicks: number,
  choice: Uint8Array,
  ready: Float64Array,
): number {
  // Bit 0: where off came from, bit 1: where on came from (1 = on).
  let off = 0
  let on = 0
  for (let tick = 0; tick < load.length; tick++) {
    const part = Math.min(1, Math.max(0, (load[tick]! || 0) - level))
    const stays = on
    const starts = off + startTicks
    const fromOn = stays <= starts ? 2 : 0
    const ends = on < off ? 1 : 0
    const nextOff = Math.min(off, on) + price * part
    on = Math.min(stays, starts) + 1
    off = nextOff
    choice[tick] = fromOn | ends
  }
  let isOn = on < off
  let billed = 0
  for (let tick = load.length - 1; tick >= 0; tick--) {
    if (isOn) {
      ready[tick]!++
      billed++
      isOn = (choice[tick]! & 2) !== 0
      if (!isOn) billed += startTicks
    } else isOn = (choice[tick]! & 1) !== 0
  }
  return billed
}
