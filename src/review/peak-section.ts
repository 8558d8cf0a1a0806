import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import type { PlanDiff } from '../planning/diff-plans.js'
import type { BodySection } from './body-section.js'
import { chartPath } from './demand-chart.js'
import { escapeName } from './escape-markdown.js'
import { dayOf, floorsOfDay, weekdayName } from './local-day.js'
import { formatMermaidChart } from './mermaid-chart.js'
import { plainWords } from './plain-words.js'
import { drawSparkline } from './sparkline.js'
import { findPlanned } from './workload-section.js'

/** Charts take room: those that change most are enough to judge by. */
const mostCharts = 3

/** Forecast peaks of the workloads that change most beside their floors and maxima; the first chart is not folded. */
export function writePeaks(
  plan: CapacityPlan,
  changed: PlanDiff['workloads'],
  folderUrl: string | undefined,
): BodySection[] {
  const shown = changed
    .flatMap(({ name }) => findPlanned(plan, name) ?? [])
    .filter(({ report }) => report.dailyPeakReplicas.length > 1)
    .slice(0, mostCharts)
  return shown.map(({ decision, report }, index) => ({
    title: index === 0 ? 'Demand and capacity' : `Demand and capacity of ${plainWords(workloadId(decision))}`,
    isFolded: index > 0,
    importance: 6 - index,
    before: [
      describePeaks(decision, report),
      '',
      drawPeaks(decision, report),
      '',
      'Bars: highest floor of the day. Lines from below: 10 %, 50 % and 90 % of the day’s peak; level line: hard maximum.',
      ...(folderUrl === undefined ? [] : [`[Whole picture](<${folderUrl}/${chartPath(decision)}>)`]),
    ],
    rows: [],
    where: 'the files of workloads',
  }))
}

/** A sparkline with its numbers, for where diagrams are not drawn. */
function describePeaks(decision: WorkloadDecision, { dailyPeakReplicas: peaks }: WorkloadReport): string {
  const [first, last] = [peaks[0]!, peaks.at(-1)!]
  const list = (of: 'p50' | 'p90') => peaks.map((peak) => Math.round(peak[of])).join(' ')
  return (
    `${escapeName(workloadId(decision))}, replicas at the day’s peak ${first.date} – ${last.date}, estimated: ` +
    `${drawSparkline(peaks.map(({ p50 }) => p50))} median ${list('p50')}; 90 %: ${list('p90')}; hard maximum ${decision.hardMaximum}`
  )
}

function drawPeaks(decision: WorkloadDecision, { dailyPeakReplicas: peaks }: WorkloadReport): string {
  return formatMermaidChart({
    title: workloadId(decision),
    axis: 'replicas',
    categories: peaks.map(({ date }) => `${weekdayName(dayOf(date))} ${date.slice(8)}`),
    bars: peaks.map(({ date }) => Math.max(...floorsOfDay(decision, dayOf(date)))),
    lines: [
      peaks.map(({ p10 }) => p10),
      peaks.map(({ p50 }) => p50),
      peaks.map(({ p90 }) => p90),
      peaks.map(() => decision.hardMaximum),
    ],
  })
}
