/** Trees that add up to the logarithm of odds. */
export interface OddsTrees {
  intercept: number
  /** Of each tree the trait and the limit of 7 splits, level by level, then the answers of its 8 ends. */
  trees: readonly (readonly number[])[]
}

const splits = 7

/** The logarithm of odds that trees give to traits. */
export function sumOdds({ intercept, trees }: OddsTrees, traits: ArrayLike<number>): number {
  let odds = intercept
  for (const tree of trees) {
    let node = 0
    while (node < splits) node = 2 * node + (traits[tree[2 * node]!]! <= tree[2 * node + 1]! ? 1 : 2)
    odds += tree[splits + node]!
  }
  return odds
}
