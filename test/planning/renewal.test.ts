import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import { fileDigest } from '../../src/planning/plan-file.js'
import { needsRenewal, renewPlan } from '../../src/planning/renewal.js'
import { capacityPlan } from '../plan-fixture.js'

const inForce = capacityPlan({}, { baseline: 'of-before', validUntil: '2026-11-08T00:00:00Z' })
const at = (now: string, validUntil: string) =>
  needsRenewal(inForce, capacityPlan({}, { validUntil }), parseInstant(now)!)

describe('a plan of the same decision', () => {
  it.each([
    ['is left while more than a quarter of its validity is to come', '2026-11-06T06:00:00Z', 7, false],
    ['is renewed in its last quarter', '2026-11-06T06:00:01Z', 7, true],
    ['is renewed on its last day where that is longer', '2026-11-07T00:00:01Z', 2, true],
    ['is left on the day before', '2026-11-07T00:00:00Z', 2, false],
    ['is renewed when it has expired', '2026-11-09T00:00:00Z', 7, true],
    ['is left where the new one would end sooner', '2026-11-07T06:00:00Z', 0.5, false],
  ])('%s', (_case, now, days, renewed) => {
    const validUntil = new Date(Date.parse(now) + days * 86_400_000).toISOString().replace('.000', '')
    expect(at(now, validUntil)).toBe(renewed)
  })

  it('is not made after itself, and is sealed anew', () => {
    const made = capacityPlan({}, { baseline: inForce.planId, validUntil: '2026-11-15T00:00:00Z' })
    const renewed = renewPlan(inForce, made)
    expect(renewed.planId).toBe(inForce.planId)
    expect(renewed.header).toMatchObject({ baseline: 'of-before', validUntil: '2026-11-15T00:00:00Z' })
    expect(renewed.header.fileDigest).toBe(fileDigest(renewed))
  })
})
