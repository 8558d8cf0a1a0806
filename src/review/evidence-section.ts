import { formatMoment } from '../kit/format.js'
import { parseInstant } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { shownCommitCharacters } from './hidden-key.js'
import { tabulateSkill } from './plan-tables.js'
import { type StackVerdicts, tabulateVerdicts } from './preview-tables.js'
import { markdownTableHead, markdownTableRow } from './table.js'

/** What a reviewer must know before anything else. */
const severe = [
  ...['BUDGET_BINDS', 'POOL_LIMIT_BINDS', 'RISK_HIGH', 'RISK_RISES', 'WORKLOAD_MISSING', 'DATA_OLD'],
  ...['OVERRIDE_EXPIRED', 'RESERVATION_ENDS', 'PURCHASE_PLANNED'],
]

/** Severe findings and what an apply would be refused for, under the headline; none where there are none. */
export function writeWarnings({ header }: CapacityPlan, stacks: readonly StackVerdicts[]): BodySection[] {
  const findings = header.findings.filter(({ code }) => severe.includes(code))
  const refusals = tabulateVerdicts(stacks).rows.filter(([, verdict]) => verdict === 'refused')
  if (findings.length + refusals.length === 0) return []
  return [
    {
      title: 'Know before you merge',
      importance: 11,
      before: [],
      rows: [
        ...refusals.map(
          ([check, , because]) =>
            `- **An apply would be refused** (${escapeMarkdown(check!)}): ${escapeMarkdown(because!, 400)}`,
        ),
        ...findings.map(({ message }) => `- ${escapeMarkdown(message, 400)}`),
      ],
      where: '`plan.yaml`',
    },
  ]
}

/** How old and how good what the plan was made of is. */
export function writeEvidence({ header, reports }: CapacityPlan, baseCommit: string): BodySection {
  const days = (parseInstant(header.origin)! - parseInstant(header.dataThrough)!) / secondsPerDay
  const age = days >= 1 ? `, **${days.toFixed(1)} days before the plan**` : ''
  const dates = header.cost.prices.map(({ asOf }) => asOf).sort()
  const estimated = header.cost.prices.filter(({ provenance }) => provenance !== 'measured').length
  const others = header.findings.filter(({ code }) => !severe.includes(code))
  return {
    title: 'Freshness',
    importance: 4,
    before: [
      `- Demand through ${formatMoment(header.dataThrough)}${age}; ${describeErrors(reports)}`,
      dates.length === 0
        ? '- Prices: none'
        : `- Prices of ${escapeMarkdown(dates[0]!, 30)}${dates[0] === dates.at(-1) ? '' : ` to ${escapeMarkdown(dates.at(-1)!, 30)}`}, ${estimated} of ${dates.length} not measured`,
      `- Made ${formatMoment(header.origin)}; can be applied until ${formatMoment(header.validUntil)}, and what is applied stays until the next plan`,
      `- Made on top of ${header.baseline === null ? 'no plan' : `plan ${escapeName(header.baseline.slice(0, 12))}`}, commit \`${baseCommit.slice(0, shownCommitCharacters)}\``,
    ],
    rows: others.map(({ message }) => `- ${escapeMarkdown(message, 400)}`),
    where: '`plan.yaml`',
  }
}

/** Out-of-sample figures of each workload, folded away. */
export function writeSkill(plan: CapacityPlan): BodySection {
  const { columns, rows } = tabulateSkill(plan)
  return {
    title: 'Forecast by workload: model, error and skill on past days',
    isFolded: true,
    importance: 0,
    before: markdownTableHead([{ header: 'Model' }, ...columns]),
    rows: rows.map((cells, index) =>
      markdownTableRow([plan.reports[index]!.forecast.model, ...cells].map((cell) => escapeMarkdown(cell))),
    ),
    where: 'the files of workloads',
  }
}

function describeErrors(reports: CapacityPlan['reports']): string {
  const known = reports.filter(({ forecast }) => forecast.wape !== null)
  if (known.length === 0) return 'no backtest'
  const worst = known.reduce((most, report) => (report.forecast.wape! > most.forecast.wape! ? report : most))
  const errors = known.map(({ forecast }) => forecast.wape!).sort((a, b) => a - b)
  const median = errors[Math.floor((errors.length - 1) / 2)]!
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`
  const beats = known.filter(({ forecast }) => (forecast.forecastSkill ?? 0) > 0).length
  return `backtest error (WAPE, measured) ${percent(median)} in the median, ${percent(worst.forecast.wape!)} at worst; ${beats} of ${known.length} forecasts beat the naive one`
}
