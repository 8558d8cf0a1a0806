import { describe, expect, it } from 'vitest'
import { challengeWindow, judgeChallenger } from '../../src/forecast/backtest/challenger.js'
import { judgeFreshness } from '../../src/forecast/freshness.js'
import { keepWindow } from '../../src/forecast/learning-window.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { demandOf, historyOf, noisyDemand } from './history-fixture.js'

const now = Date.parse('2026-12-01T00:00:00Z') / 1000
const day = secondsPerDay

describe('judgeFreshness', () => {
  const fresh = { dataThrough: now - day, now, error: { wape: 0.2, backtestWape: 0.2 }, errorDays: 3 }

  it.each([
    ['as good as its backtest', {}, false, /20\.0 %, \+0\.0 % against/],
    ['15 % worse', { error: { wape: 0.2299, backtestWape: 0.2 } }, false, /\+1[45]\.\d %/],
    ['more than that', { error: { wape: 0.2301, backtestWape: 0.2 } }, true, /more than \+15 %/],
    [
      'more than that for some hours',
      { error: { wape: 0.5, backtestWape: 0.2 }, errorDays: 0.9 },
      false,
      /\+150/,
    ],
    ['nothing to compare with', { error: null }, false, /cannot be compared/],
    ['a month old', { dataThrough: now - 30 * day }, true, /ends 2026-11-01T00:00:00Z, 30 days ago/],
  ])('%s', (_, changes, isStale, reason) => {
    const judged = judgeFreshness({ ...fresh, ...changes })
    expect(judged.isStale).toBe(isStale)
    expect(judged.reason).toMatch(reason)
  })
})

describe('judgeChallenger', () => {
  const windows = { championSeconds: 56 * day, challengerSeconds: 14 * day }
  const better = { skill: 0.1, skillInterval: { low: 0.02, high: 0.2 } }

  it.each([
    [
      'surely better on enough origins',
      better,
      28,
      true,
      /^2w takes over; .* 90\.0 % \(90 %: 80\.0 %–98\.0 %\)/,
    ],
    ['better on too few', better, 27, false, /^8w stays: only 27 of 28/],
    ['perhaps better', { skill: 0.1, skillInterval: { low: -0.02, high: 0.2 } }, 28, false, /^8w stays/],
    [
      'better by nothing',
      { skill: 0.005, skillInterval: { low: 0.001, high: 0.01 } },
      28,
      false,
      /^8w stays/,
    ],
    ['without a loss to compare', { skill: null, skillInterval: null }, 28, false, /^8w stays/],
  ])('%s', (_, skill, origins, takesOver, reason) => {
    const judged = judgeChallenger(skill, origins, windows)
    expect(judged.takesOver).toBe(takesOver)
    expect(judged.reason).toMatch(reason)
  })
})

describe('challengeWindow', () => {
  it('compares as far as the history goes, and windows that hold the same come out even', () => {
    const history = historyOf([noisyDemand('chat', 12, 5), demandOf('flat', new Float64Array(12 * 24))])
    const options = { championSeconds: 56 * day, challengerSeconds: 28 * day, horizonSeconds: day, seed: 1 }
    expect(challengeWindow(history, options)).toMatchObject({ origins: 0, skill: null, takesOver: false })
    const shorter = challengeWindow(history, { ...options, challengerSeconds: 9 * day })
    expect(shorter.origins).toBe(3)
    expect(shorter.takesOver).toBe(false)
    expect(Math.abs(shorter.skill!)).toBeLessThan(0.5)
  })
})

describe('keepWindow', () => {
  it('keeps the end of a history, on the same grid', () => {
    const history = historyOf([noisyDemand('chat', 12, 5)])
    const kept = keepWindow(history, 7 * day)
    expect(kept.length).toBe(7 * 24)
    expect(kept.start + kept.length * kept.stepSeconds).toBe(history.start + history.length * 3600)
    expect([...kept.workloads[0]!.requests]).toEqual([...history.workloads[0]!.requests.slice(-7 * 24)])
    expect(keepWindow(history, 56 * day)).toBe(history)
  })
})
