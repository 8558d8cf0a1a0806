import { onDemandPrices, spotSavings } from './price-list.js'

type NodeCapacityType = 'on-demand' | 'spot' | 'reserved'

export interface NodePrice {
  usdPerHour: number
  /** `measured` is a published list price, `assumed` one that the config gives. */
  provenance: 'measured' | 'estimated' | 'assumed'
  source: string
  /** ISO date; empty for a price from the config, which carries none. */
  asOf: string
}

/** An entry of the config's `prices`; without a region it stands for all regions. */
export interface PriceOverride {
  instanceType: string
  region?: string | undefined
  capacityType: NodeCapacityType
  usdPerHour: number
}

/**
 * Price of a node. The config's prices stand over the catalogue's; a spot price that is not given is
 * on demand × (1 − the advisor's saving); a region without a list price gets that of us-east-1. A reservation
 * (ODCR) that is not given bills at the on-demand rate: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-pricing-billing.html
 *
 * Undefined where neither the config nor the catalogue knows one.
 */
export function nodePrice(
  node: { instanceType: string; region: string; capacityType: NodeCapacityType },
  overrides: readonly PriceOverride[],
): NodePrice | undefined {
  const { instanceType, region, capacityType } = node
  const fitting = overrides.filter(
    (price) =>
      price.instanceType === instanceType &&
      price.capacityType === capacityType &&
      (price.region === undefined || price.region === region),
  )
  const override = fitting.find((price) => price.region === region) ?? fitting[0]
  if (override !== undefined) {
    return { usdPerHour: override.usdPerHour, provenance: 'assumed', source: 'llmscale.yaml', asOf: '' }
  }
  switch (capacityType) {
    case 'on-demand':
      return listPrice(instanceType, region)
    case 'spot':
      return spotPrice(instanceType, region, overrides)
    case 'reserved':
      return nodePrice({ instanceType, region, capacityType: 'on-demand' }, overrides)
  }
}

function listPrice(instanceType: string, region: string): NodePrice | undefined {
  const usdPerHour = onDemandPrices.usdPerHour[instanceType]
  if (usdPerHour === undefined) return undefined
  const { source, asOf } = onDemandPrices
  return region === onDemandPrices.region
    ? { usdPerHour, provenance: 'measured', source, asOf }
    : {
        usdPerHour,
        provenance: 'estimated',
        source: `price of ${onDemandPrices.region}; ${source}`,
        asOf,
      }
}

function spotPrice(
  instanceType: string,
  region: string,
  overrides: readonly PriceOverride[],
): NodePrice | undefined {
  const onDemand = nodePrice({ instanceType, region, capacityType: 'on-demand' }, overrides)
  const savings = spotSavings.percent[instanceType]
  const ofRegion = savings?.[region]
  const percent = ofRegion ?? savings?.[onDemandPrices.region]
  if (onDemand === undefined || percent === undefined) return undefined
  const place = ofRegion === undefined ? ` in ${onDemandPrices.region}` : ''
  return {
    usdPerHour: Number((onDemand.usdPerHour * (1 - percent / 100)).toFixed(6)),
    provenance: 'estimated',
    source: `on demand (${onDemand.source}) less ${percent}%${place}: ${spotSavings.source}`,
    asOf: spotSavings.asOf,
  }
}
