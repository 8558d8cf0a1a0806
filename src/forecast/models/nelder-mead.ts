/**
 * The lowest point that the simplex search of Nelder and Mead (1965, doi:10.1093/comjnl/7.4.308) finds within a number
 * of evaluations. The simplex starts at `start` and one `step` along each axis.
 */
export function minimize(
  loss: (point: Float64Array) => number,
  start: readonly number[],
  step: number,
  evaluations: number,
): Float64Array {
  const n = start.length
  const points = Array.from({ length: n + 1 }, (_, vertex) => {
    const point = Float64Array.from(start)
    if (vertex > 0) point[vertex - 1]! += step
    return { point, loss: loss(point) }
  })
  const between = (from: Float64Array, to: Float64Array, share: number) => {
    const point = from.map((value, axis) => value + share * (to[axis]! - value))
    return { point, loss: loss(point) }
  }
  for (let spent = n + 1; spent < evaluations; ) {
    points.sort((a, b) => a.loss - b.loss)
    const worst = points[n]!
    const centre = new Float64Array(n)
    for (let vertex = 0; vertex < n; vertex++)
      for (let axis = 0; axis < n; axis++) centre[axis]! += points[vertex]!.point[axis]! / n
    const mirrored = between(worst.point, centre, 2)
    spent++
    if (mirrored.loss < points[0]!.loss) {
      const further = between(worst.point, centre, 3)
      spent++
      points[n] = further.loss < mirrored.loss ? further : mirrored
    } else if (mirrored.loss < points[n - 1]!.loss) points[n] = mirrored
    else {
      const nearer = between(worst.point, centre, mirrored.loss < worst.loss ? 1.5 : 0.5)
      spent++
      if (nearer.loss < Math.min(worst.loss, mirrored.loss)) points[n] = nearer
      else {
        for (let vertex = 1; vertex <= n; vertex++)
          points[vertex] = between(points[vertex]!.point, points[0]!.point, 0.5)
        spent += n
      }
    }
  }
  return points.reduce((best, each) => (each.loss < best.loss ? each : best)).point
}
