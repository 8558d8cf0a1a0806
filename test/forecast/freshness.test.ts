import { describe, expect, it } from 'vitest'
import { challengeWindow, judgeChallenger } from '../../src/forecast/backtest/challenger.js'
import type { CovariateUse } from '../../src/forecast/demand-forecast.js'
import { findLostCovariates, judgeFreshness, worthOf } from '../../src/forecast/freshness.js'
import { keepWindow } from '../../src/forecast/learning-window.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { demandOf, historyOf, noisyDemand } from './history-fixture.js'

const now = Date.parse('2026-12-01T00:00:00Z') / 1000
const day = secondsPerDay

describe('judgeFreshness', () => {
  const error = { wape: 0.2, backtestWape: 0.2, daysWorse: { count: 6, of: 7 } }
  const fresh = { dataThrough: now - day, now, error, errorDays: 7 }

  it.each([
    ['as good as its backtest', {}, false, /20\.0 %, \+0\.0 % against/],
    ['15 % worse', { error: { ...error, wape: 0.2299 } }, false, /\+1[45]\.\d %/],
    ['more than that', { error: { ...error, wape: 0.2301 } }, true, /more than \+15 %, worse on 6 of 7 days/],
    [
      'more than that on as many days as less',
      { error: { ...error, wape: 0.24, daysWorse: { count: 4, of: 7 } } },
      false,
      /worse on 4 of 7 days: it may be chance/,
    ],
    [
      'more than that on all of three days',
      { error: { ...error, wape: 0.24, daysWorse: { count: 3, of: 3 } } },
      false,
      /it may be chance/,
    ],
    [
      'twice as much in one day',
      { error: { ...error, wape: 0.41, daysWorse: { count: 1, of: 1 } } },
      true,
      /\+105\.0 %/,
    ],
    [
      'more of next to nothing',
      { error: { ...error, wape: 0.0102, backtestWape: 0.0086 } },
      false,
      /1\.0 %, \+18\.6 % .* less than 1\.0 % of demand/,
    ],
    ['more than that for some hours', { error: { ...error, wape: 0.5 }, errorDays: 0.9 }, false, /\+150/],
    [
      'a covariate that tells nothing any more',
      { lostCovariates: ['sign-ups'] },
      true,
      /the covariate sign-ups made it better .* no longer/,
    ],
    ['nothing to compare with', { error: null }, false, /cannot be compared/],
    ['a month old', { dataThrough: now - 30 * day }, true, /ends 2026-11-01T00:00:00Z, 30 days ago/],
  ])('%s', (_, changes, isStale, reason) => {
    const judged = judgeFreshness({ ...fresh, ...changes })
    expect(judged.isStale).toBe(isStale)
    expect(judged.reason).toMatch(reason)
  })
})

describe('worthOf', () => {
  const sure = { name: 'sign-ups', skill: 0.1, skillInterval: { low: 0.02, high: 0.2 } }
  const none = { name: 'sign-ups', skill: 0.005, skillInterval: { low: -0.01, high: 0.02 } }
  const unknown = { name: 'sign-ups', skill: 0.1, skillInterval: { low: -0.02, high: 0.2 } }

  it.each([
    [sure, 'sure'],
    [none, 'none'],
    [unknown, 'unknown'],
    [{ name: 'sign-ups', skill: null, skillInterval: null }, 'unknown'],
  ])('%o is %s', (use, worth) => {
    expect(worthOf(use)).toBe(worth)
  })

  it('is lost only where it was sure before', () => {
    const chat = (...covariates: CovariateUse[]) => [
      { workload: { model: 'chat', region: 'eu' }, covariates },
    ]
    expect(findLostCovariates(chat(sure), chat(none))).toEqual(['sign-ups (chat/eu)'])
    expect(findLostCovariates(chat(unknown), chat(none))).toEqual([])
    expect(findLostCovariates(chat(sure), chat(unknown))).toEqual([])
    expect(findLostCovariates([{ workload: { model: 'chat', region: 'eu' } }], chat(none))).toEqual([])
    const code = [{ workload: { model: 'code', region: 'eu' }, covariates: [none] }]
    expect(findLostCovariates(chat(sure), code)).toEqual([])
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
