/**
 * Lags that a regression on its own past reads, ascending: the last steps, around a day ago, and whole days up to a
 * week. They reach back at most half of the history, so that the other half is left to fit to.
 */
export function lagsWithin(end: number, day: number): number[] | undefined {
  const days = Math.min(7, Math.floor(end / day / 2))
  if (days < 1) return undefined
  const lags = new Set([1, 2, 3, 4, day - 2, day - 1, day, day + 1, day + 2])
  for (let multiple = 2; multiple <= days; multiple++) lags.add(multiple * day)
  if (days === 7) lags.add(7 * day - 1).add(7 * day + 1)
  return [...lags].filter((lag) => lag > 0).sort((a, b) => a - b)
}
