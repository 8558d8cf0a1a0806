/** What a policy cost and how late it was. */
export interface Point {
  replicaHours: number
  lateShare: number
}

const leastLate = 1e-6

/**
 * The cost of a family of policies at a late share: its Pareto front, in between linear in the logarithm of the share.
 * NaN where no member is so seldom late.
 */
export function costAt(points: readonly Point[], lateShare: number): number {
  const front: Point[] = []
  for (const point of [...points].sort(
    (a, b) => a.lateShare - b.lateShare || a.replicaHours - b.replicaHours,
  ))
    if (front.length === 0 || point.replicaHours < front.at(-1)!.replicaHours) front.push(point)
  const after = front.findIndex((point) => point.lateShare > lateShare)
  if (after === 0 || front.length === 0) return Number.NaN
  if (after === -1) return front.at(-1)!.replicaHours
  const [from, to] = [front[after - 1]!, front[after]!]
  const at = (share: number) => Math.log(Math.max(share, leastLate))
  const part = (at(lateShare) - at(from.lateShare)) / (at(to.lateShare) - at(from.lateShare))
  return from.replicaHours + part * (to.replicaHours - from.replicaHours)
}
