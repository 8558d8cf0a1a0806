import { digestValue } from '../kit/digest.js'
import { secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { CapacityPlan, DailyPeak, WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import type { PastPeak } from '../planning/past-peaks.js'
import { workloadFileName } from '../planning/plan-file.js'
import { escapeXml } from './escape-xml.js'
import { dayOf, floorsOfDay, minutesPerDay, weekdayName } from './local-day.js'

const width = 760
const height = 320
const frame = { left: 48, right: 744, top: 64, bottom: 276 }

/** Colours of GitHub's light and dark pages; a picture cannot ask which of them it stands in, only the browser. */
const style = `
  .page { fill: #ffffff } text { fill: #59636e; font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  .title { fill: #1f2328; font-size: 15px; font-weight: 600 } .grid { stroke: #d1d9e0; stroke-width: 1 }
  .range { fill: #54aeff; fill-opacity: 0.45 } .median { stroke: #0550ae; stroke-width: 2.5 }
  .floor { fill: #1a7f37; fill-opacity: 0.22; stroke: #1a7f37; stroke-width: 1.5 }
  .maximum { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 4 } .past { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
    .range { fill: #388bfd } .median { stroke: #79c0ff } .floor { fill: #3fb950; stroke: #3fb950 }
    .maximum { stroke: #f85149 } .past { fill: #9198a1 }
  }`

/** `charts/<model>.<region>.svg`, relative to the plan's folder. */
export function chartPath(workload: Pick<WorkloadDecision, 'model' | 'region' | 'tenant'>): string {
  return `charts/${workloadFileName(workload)}.svg`
}

/**
 * An SVG of one workload in local time: peaks of past days where they are given, the forecast of each day's peak (10th
 * to 90th percentile, median), the floors asked for and the hard maximum. Undefined where no peak is forecast.
 */
export function drawDemandChart(
  decision: WorkloadDecision,
  report: WorkloadReport,
  past: readonly PastPeak[] = [],
): string | undefined {
  const peaks = report.dailyPeakReplicas
  if (peaks.length === 0) return undefined
  const dates = [...past, ...peaks].map(({ date }) => date)
  const start = dayOf(dates[0]!)
  const days = dayOf(dates.at(-1)!) - start + 1
  const most = Math.max(
    1,
    decision.hardMaximum,
    ...past.map(({ replicas }) => replicas),
    ...peaks.map(({ p90 }) => p90),
  )
  const tick = chooseTick(most)
  const top = Math.ceil(most / tick) * tick
  const x = (day: number) => round(frame.left + ((day - start) / days) * (frame.right - frame.left))
  const y = (replicas: number) => round(frame.bottom - (replicas / top) * (frame.bottom - frame.top))
  const scale = { x, y }
  const name = escapeXml(`${workloadId(decision)}: replicas needed and kept`)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${name}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${name}</text>`,
    ...drawLegend(past.length > 0),
    ...range(0, top, tick).map((replicas) => drawLevel(replicas, y(replicas))),
    ...range(start, start + days - 1, Math.ceil(days / 14)).map((day) => drawDate(day, x)),
    `<path class="floor" d="${traceFloors(decision, dayOf(peaks[0]!.date), peaks.length, scale)}"/>`,
    ...peaks.map((peak) => drawPeak(peak, scale)),
    ...past.map(
      ({ date, replicas }) => `<circle class="past" cx="${x(dayOf(date) + 0.5)}" cy="${y(replicas)}" r="3"/>`,
    ),
    line('maximum', frame.left, y(decision.hardMaximum), frame.right, y(decision.hardMaximum)),
    `<text x="16" y="${height - 8}">Replicas by local day, ${escapeXml(decision.timeZone)}. Forecast of the day’s peak, estimated${past.length > 0 ? '; past peaks from measured demand' : ''}.</text>`,
    '</svg>',
  ].join('\n')}\n`
}

/** A review of more of them than this reads tables. */
const mostCharts = 12

/** Charts of a plan's workloads that have other numbers than in the plan before: path in the plan's folder → SVG. */
export function drawDemandCharts(
  plan: CapacityPlan,
  baseline: CapacityPlan | undefined,
  pastOf: (workload: Workload) => readonly PastPeak[] = () => [],
): Map<string, string> {
  const known = new Map(baseline?.decision.workloads.map((each) => [workloadId(each), digestValue(each)]))
  const charts = plan.decision.workloads.flatMap((decision, index) => {
    if (known.get(workloadId(decision)) === digestValue(decision)) return []
    const chart = drawDemandChart(decision, plan.reports[index]!, pastOf(decision))
    return chart === undefined ? [] : [[chartPath(decision), chart] as const]
  })
  return new Map(charts.slice(0, mostCharts))
}

interface Scale {
  /** Of days since 1970. */
  x: (day: number) => number
  /** Of replicas. */
  y: (replicas: number) => number
}

/** An area below the floors that are asked for, from local midnight of the first day. */
function traceFloors(decision: WorkloadDecision, firstDay: number, days: number, { x, y }: Scale): string {
  const floors = Array.from({ length: days }, (_, day) => [...floorsOfDay(decision, firstDay + day)]).flat()
  const points = [`M${x(firstDay)} ${y(0)}`, `V${y(floors[0]!)}`]
  for (const [minute, replicas] of floors.entries()) {
    if (minute > 0 && replicas !== floors[minute - 1])
      points.push(`H${x(firstDay + minute / minutesPerDay)}`, `V${y(replicas)}`)
  }
  return [...points, `H${x(firstDay + days)}`, `V${y(0)}`, 'Z'].join('')
}

function drawPeak({ date, p10, p50, p90 }: DailyPeak, { x, y }: Scale): string {
  const [from, to] = [x(dayOf(date) + 0.06), x(dayOf(date) + 0.94)]
  return (
    `<rect class="range" x="${from}" y="${y(p90)}" width="${round(to - from)}" height="${round(y(p10) - y(p90))}"/>` +
    line('median', from, y(p50), to, y(p50))
  )
}

function drawLevel(replicas: number, at: number): string {
  return `${line('grid', frame.left, at, frame.right, at)}<text x="${frame.left - 8}" y="${at + 4}" text-anchor="end">${replicas}</text>`
}

function drawDate(day: number, x: Scale['x']): string {
  const date = new Date(day * secondsPerDay * 1000).toISOString()
  return `<text x="${x(day + 0.5)}" y="${frame.bottom + 18}" text-anchor="middle">${weekdayName(day)} ${date.slice(8, 10)}</text>`
}

function drawLegend(hasPast: boolean): string[] {
  const entries = [
    ['range', '10–90 % of the peak'],
    ['median', 'median peak'],
    ['floor', 'floor'],
    ['maximum', 'hard maximum'],
    ...(hasPast ? [['past', 'past peak']] : []),
  ] as const
  let from = 16
  return entries.map(([kind, label]) => {
    const at = from
    from += 44 + label!.length * 6.6
    const mark =
      kind === 'past'
        ? `<circle class="past" cx="${round(at + 12)}" cy="44" r="3"/>`
        : kind === 'median' || kind === 'maximum'
          ? line(kind, round(at), 44, round(at + 24), 44)
          : `<rect class="${kind}" x="${round(at)}" y="38" width="24" height="12"/>`
    return `${mark}<text x="${round(at + 30)}" y="48">${label}</text>`
  })
}

function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

/** 1, 2 or 5 times a power of ten, for at most six levels. */
function chooseTick(most: number): number {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  return Math.max(1, [1, 2, 5, 10].find((factor) => factor * power >= rough)! * power)
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
