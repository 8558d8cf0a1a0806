import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BodySection, fitBody } from '../../src/review/body-section.js'
import { writePullRequest } from '../../src/review/pull-request.js'
import { changesOf, pullRequests } from './pull-request-fixture.js'

const section = fc.record({
  title: fc.constantFrom('Pools', 'Change set', 'Freshness'),
  isFolded: fc.boolean(),
  before: fc.constant(['| a | b |', '| --- | --- |']),
  rows: fc.array(
    fc.nat(200).map((length) => `| ${'x'.repeat(length)} | y |`),
    { maxLength: 60 },
  ),
  where: fc.constant('`plan.yaml`'),
  importance: fc.nat(9),
}) satisfies fc.Arbitrary<BodySection>

describe('a body that is too long', () => {
  it('is cut between rows, never over the limit, with a line for what is missing', () => {
    fc.assert(
      fc.property(
        fc.array(section, { maxLength: 8 }),
        fc.integer({ min: 800, max: 9000 }),
        (sections, limit) => {
          const body = fitBody('key', sections, 'controls', limit)
          const whole = fitBody('key', sections, 'controls', Number.POSITIVE_INFINITY)
          expect(body.length).toBeLessThanOrEqual(limit)
          expect(body.startsWith('key\n\n')).toBe(true)
          expect(body.endsWith('\n\ncontrols\n')).toBe(true)
          expect(body.split('<details>').length).toBe(body.split('</details>').length)
          for (const line of body.split('\n').filter((text) => text.startsWith('|')))
            expect(line.endsWith('|')).toBe(true)
          expect(/_Cut/.test(body)).toBe(whole.length > limit)
        },
      ),
    )
  })

  it('loses the change set first and keeps what people judge by', () => {
    const inputs = pullRequests['growth']!
    const [first] = Object.values(inputs.changes!.stacks)[0]!.changes
    const many = Array.from({ length: 2000 }, (_, index) => ({ ...first!, urn: `${first!.urn}-${index}` }))
    const { body } = writePullRequest({ ...inputs, changes: changesOf(inputs.plan, many) })
    expect(body.length).toBeLessThanOrEqual(60_000)
    expect(body).toMatch(/_Cut here: \d+ of 2000 rows are not shown; all are in `changes.json`._/)
    for (const title of ['Workloads', 'What would change our mind', 'Freshness', 'Controls'])
      expect(body).toContain(`### ${title}`)
  })
})
