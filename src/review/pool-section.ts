import type { CapacityPlan, Commitment, Pool } from '../planning/capacity-plan.js'
import { poolName } from '../planning/diff-plans.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { describeCommitment, findPurchases } from './headline.js'
import { markdownTableHead, markdownTableRow } from './table.js'

/** Pools before and after with their prices, and what is bought or owned. */
export function writePools(base: CapacityPlan | undefined, plan: CapacityPlan): BodySection {
  const names = [...(base?.decision.pools ?? []), ...plan.decision.pools].map(poolName)
  const { commitments } = plan.decision
  const purchases = findPurchases(base, plan)
  return {
    title: 'Pools and purchases',
    importance: 7,
    before: [
      `At most ${describeMix(plan.decision.pools)}.`,
      ...commitments.map((each) => `\n- ${describeState(each, purchases)}`),
      '',
      ...markdownTableHead([
        { header: 'Pool' },
        { header: 'Max nodes', align: 'right' },
        { header: 'USD a node-hour', align: 'right' },
        { header: 'Price' },
      ]),
    ],
    rows: [...new Set(names)].map((name) => writeRow(name, base, plan)),
    where: '`plan.yaml`',
  }
}

function writeRow(name: string, base: CapacityPlan | undefined, plan: CapacityPlan): string {
  const [before, after] = [base, plan].map((each) =>
    each?.decision.pools.find((pool) => poolName(pool) === name),
  )
  const [from, to] = [before?.maximumNodes ?? 0, after?.maximumNodes ?? 0]
  const nodes = after === undefined ? `${from} → **deleted**` : from === to ? `${to}` : `${from} → **${to}**`
  const pool = (after ?? before)!
  const price = plan.header.cost.prices.find(
    ({ region, instanceType, capacityType }) =>
      region === pool.region && instanceType === pool.instanceType && capacityType === pool.capacityType,
  )
  return markdownTableRow([
    escapeName(name),
    nodes,
    price === undefined ? '–' : price.usdPerHour.toFixed(2),
    price === undefined ? '–' : `${price.provenance}, ${escapeMarkdown(price.asOf, 30)}`,
  ])
}

/** `20 nodes on-demand, 4 spot` */
function describeMix(pools: readonly Pool[]): string {
  const kinds = ['reserved', 'on-demand', 'spot'] as const
  const parts = kinds.flatMap((kind) => {
    const nodes = pools
      .filter(({ capacityType }) => capacityType === kind)
      .reduce((sum, pool) => sum + pool.maximumNodes, 0)
    return nodes === 0 ? [] : [`${nodes} ${kind}`]
  })
  return parts.length === 0 ? 'no nodes' : `${parts.join(' + ')} nodes`
}

function describeState(commitment: Commitment, purchases: readonly Commitment[]): string {
  const what = escapeMarkdown(describeCommitment(commitment))
  if (purchases.includes(commitment))
    return `**Bought by applying this: ${what}; it bills from then on, used or not**`
  return commitment.state === 'owned' ? `Owned: ${what}` : `Bought before: ${what}`
}
