const bars = '▁▂▃▄▅▆▇█'

/** A bar of text for each value, from zero to the largest; values are finite and not negative. */
export function drawSparkline(values: readonly number[]): string {
  const most = Math.max(0, ...values)
  return values
    .map((value) => bars[most === 0 ? 0 : Math.round((value / most) * (bars.length - 1))]!)
    .join('')
}
