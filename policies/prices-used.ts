import type { CapacityPlan, PriceUsed } from '../src/planning/capacity-plan.js'

/** A price that a pool of the plan is bought at. */
export interface PoolPrice extends PriceUsed {
  /** `spot p5.48xlarge in us-east-1` */
  name: string
}

/** Prices of the pools that have nodes; a plan lists others too, which decide nothing. */
export function findPoolPrices({ header, decision }: CapacityPlan): PoolPrice[] {
  const nameOf = ({
    capacityType,
    instanceType,
    region,
  }: Pick<PriceUsed, 'capacityType' | 'instanceType' | 'region'>) =>
    `${capacityType} ${instanceType} in ${region}`
  const bought = new Set(decision.pools.filter(({ maximumNodes }) => maximumNodes > 0).map(nameOf))
  return header.cost.prices
    .map((price) => ({ ...price, name: nameOf(price) }))
    .filter(({ name }) => bought.has(name))
}
