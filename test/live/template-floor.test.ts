import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import { createTemplateFloor } from '../../src/live/template-floor.js'
import { tickFloors } from '../../src/planning/floor-template.js'
import { workloadDecision } from '../plan-fixture.js'

describe('the template at a time', () => {
  const decision = workloadDecision({
    floors: {
      ...workloadDecision().floors,
      exceptions: [
        { from: '2026-11-03T10:07:00Z', until: '2026-11-03T11:30:00Z', replicas: 33, reason: 'launch' },
        { from: '2026-11-02T00:00:00Z', until: '2026-11-09T00:00:00Z', replicas: 1, reason: 'below' },
      ],
    },
  })

  it('is that of the plan, minute by minute, across a change of clocks', () => {
    // New York leaves summer time on 2026-11-01.
    const start = parseInstant('2026-10-30T00:00:00Z')!
    const grid = { start, tickSeconds: 60, ticksPerStep: 1, length: 7 * 1440 }
    const { asked } = tickFloors(decision.floors, 0, grid, decision.timeZone)
    const template = createTemplateFloor(decision)
    const found = Float64Array.from(asked, (_, tick) => template(start + tick * 60))
    expect(found).toEqual(asked)
  })

  it('does not depend on what was asked before', () => {
    const start = parseInstant('2026-10-30T00:00:00Z')!
    const shared = createTemplateFloor(decision)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7 * 86_400 }), (seconds) => {
        expect(shared(start + seconds)).toBe(createTemplateFloor(decision)(start + seconds))
      }),
    )
  })
})
