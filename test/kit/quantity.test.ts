import { expect, it } from 'vitest'
import { isSameQuantity } from '../../src/kit/quantity.js'

it.each([
  ['0.5', '500m', true],
  ['1Ti', '1024Gi', true],
  ['1e3', '1k', true],
  ['1500u', '1.5m', true],
  [8, '8', true],
  ['1T', '1Ti', false],
  ['48x', '48x', false],
  ['', '0', false],
])('quantities %j and %j', (one, other, isSame) => {
  expect(isSameQuantity(one, other)).toBe(isSame)
  expect(isSameQuantity(other, one)).toBe(isSame)
})
