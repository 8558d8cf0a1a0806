import { formatMoment, formatShare, formatUsd } from '../kit/format.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import type { PlanScore } from '../planning/score-plan.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import type { ListedHold } from './hold-table.js'

/** The plan in force against what came. */
export function writeLastScore(score: PlanScore | undefined): BodySection {
  return {
    title: 'How the last plan did',
    importance: 5,
    before: score === undefined ? ['No plan was scored yet.'] : describeScore(score),
    rows: [],
    where: '`llmscale verify`',
  }
}

function describeScore({
  from,
  until,
  error,
  breachShare,
  lossUsdPerDay,
  daysBetterUndone,
}: PlanScore): string[] {
  return [
    `${formatMoment(from)} – ${formatMoment(until)}:`,
    '',
    error === null
      ? '- Forecast error: not comparable with its backtest'
      : `- Forecast error (WAPE, measured) ${formatShare(error.wape)}; its backtest said ${formatShare(error.backtestWape)}`,
    `- Requests without capacity (estimated on measured demand) ${formatShare(breachShare.plan)}; stated ${formatShare(breachShare.stated)}, without the plan ${formatShare(breachShare.doNothing)}`,
    `- Idle GPUs and shortfalls ${formatUsd(lossUsdPerDay.plan)} USD a day (estimated); without the plan ${formatUsd(lossUsdPerDay.doNothing)}, less on ${daysBetterUndone.count} of ${daysBetterUndone.of} days`,
  ]
}

/** What people decided over the tool. */
export function writeInForce({ decision }: CapacityPlan, holds: readonly ListedHold[]): BodySection {
  const rows = [
    ...decision.overrides.map(({ workload, floor, maximum, shape, reason, by, until }) => {
      const what = [
        ...(floor === undefined ? [] : [`floor ${floor}`]),
        ...(maximum === undefined ? [] : [`maximum ${maximum}`]),
        ...(shape === undefined ? [] : [`shape ${escapeMarkdown(shape, 80)}`]),
      ]
      return `- Override of ${escapeName(workload)}: ${what.join(', ')} until ${formatMoment(until)}, by ${escapeMarkdown(by, 80)}: ${escapeMarkdown(reason)}`
    }),
    ...holds.map(({ name, hold }) =>
      hold === undefined
        ? `- **Hold ${escapeMarkdown(name, 80)}** cannot be read: it holds until it is mended or removed`
        : `- **Hold ${escapeMarkdown(name, 80)}** ${hold.until === undefined ? 'until it is removed' : `until ${formatMoment(hold.until)}`}, by ${escapeMarkdown(hold.by, 80)}: ${escapeMarkdown(hold.reason)}`,
    ),
  ]
  return {
    title: 'Overrides and holds in force',
    importance: 9.5,
    before: rows.length === 0 ? ['None.'] : [],
    rows,
    where: '`llmscale.yaml` and `holds/`',
  }
}
