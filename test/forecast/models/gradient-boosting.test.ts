import { describe, expect, it } from 'vitest'
import { boostTrees } from '../../../src/forecast/models/gradient-boosting.js'
import { createRandom } from '../../../src/kit/random.js'

const options = { trees: 80, leaves: 8, rate: 0.2, leastRows: 20, rowShare: 0.7, columnShare: 1, seed: 1 }
const columns = 3

/** A step in one column where another is high, a third that says nothing, and a few wild errors. */
function makeRows(rows: number, wild: number) {
  const random = createRandom(2)
  const design = new Float64Array(rows * columns)
  const truth = new Float64Array(rows)
  const targets = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const [first, second] = [random.uniform(), random.uniform()]
    design.set([first, second, random.uniform()], row * columns)
    truth[row] = first > 0.5 && second > 0.3 ? 2 : 0
    targets[row] = truth[row]! + 0.1 * random.normal() + (row % 50 === 0 ? wild : 0)
  }
  return { design, truth, targets }
}

describe('boostTrees', () => {
  it('finds a step that no straight line has, in spite of wild errors', () => {
    const { design, truth, targets } = makeRows(4000, 100)
    const answer = boostTrees(design, targets, columns, options)
    const error = truth.reduce((sum, value, row) => sum + Math.abs(value - answer(design, row * columns)), 0)
    expect(error / truth.length).toBeLessThan(0.15)
  })

  it('gives the same trees for the same rows', () => {
    const { design, targets } = makeRows(1000, 0)
    const [one, two] = [1, 2].map(() => boostTrees(design, targets, columns, options))
    for (let row = 0; row < 100; row++) expect(one!(design, row * columns)).toBe(two!(design, row * columns))
  })

  it('has nothing to add where nothing varies', () => {
    const { design } = makeRows(500, 0)
    const answer = boostTrees(design, new Float64Array(500), columns, options)
    expect(answer(design, 0)).toBe(0)
  })
})
