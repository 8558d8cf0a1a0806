import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findChallenger } from '../../src/cli/learning-window.js'
import { forecastPlanned } from '../../src/cli/planned-demand.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { openStateStore } from '../../src/delivery/open-state-store.js'
import { type ChallengeRecord, readChallenges, writeChallenge } from '../../src/delivery/score-file.js'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'

const history = historyOf([noisyDemand('chat-70b', 30, 1)])
const end = history.start + history.length * history.stepSeconds
const configOf = (more: string) =>
  parseConfig(configText(undefined, `forecast: {${more}}\n`), 'llmscale.yaml')
const config = configOf('challenger: 14d')

const record = (daysBefore: number, takesOver: boolean, days = 14): ChallengeRecord => ({
  asOf: formatInstant(end - daysBefore * secondsPerDay),
  championSeconds: 56 * secondsPerDay,
  challengerSeconds: days * secondsPerDay,
  origins: 28,
  skill: takesOver ? 0.1 : 0,
  skillInterval: { low: takesOver ? 0.05 : -0.05, high: 0.15 },
  takesOver,
  reason: '2w takes over',
})

async function projectWith(...records: ChallengeRecord[]): Promise<string> {
  const folder = emptyFolder()
  const store = await openStateStore({ backend: undefined, state: undefined }, folder)
  for (const each of records) await writeChallenge(store, 'prod', each)
  return join(folder, 'llmscale.yaml')
}

const windowOf = async (path: string, settings = config) =>
  (await findChallenger(settings, path, 'prod', end))?.windowSeconds

describe('a challenger of the learning window', () => {
  it('takes over where it did when it was last tried, if the configuration names it', async () => {
    const fortnight = 14 * secondsPerDay
    const path = await projectWith(record(3, false), record(1, true), record(2, false), record(0, true, 21))
    expect(await windowOf(path)).toBe(fortnight)
    expect(await windowOf(path, configOf('challenger: 21d'))).toBe(21 * secondsPerDay)
    expect(await windowOf(path, configOf('challenger: 28d'))).toBeUndefined()
    expect(await windowOf(path, configOf(''))).toBeUndefined()
    expect(await windowOf(await projectWith(record(2, true), record(1, false)))).toBeUndefined()
    // Neither what was found on later data, nor long ago, nor nothing at all.
    expect(await windowOf(await projectWith(record(-1, true)))).toBeUndefined()
    expect(await windowOf(await projectWith(record(31, true)))).toBeUndefined()
    expect(await windowOf(await projectWith())).toBeUndefined()
  })

  it('is remembered for sixty times, once a time', async () => {
    const folder = emptyFolder()
    const store = await openStateStore({ backend: undefined, state: undefined }, folder)
    for (let day = 70; day > 0; day--) await writeChallenge(store, 'prod', record(day, false))
    await writeChallenge(store, 'prod', record(1, true))
    const kept = await readChallenges(store, 'prod')
    expect(kept.length).toBe(60)
    expect(kept[0]).toEqual(record(1, true))
  })

  it('makes the forecast of a plan learn from less, and the plan says so', async () => {
    const place = { configPath: await projectWith(record(1, true)) }
    const planned = await forecastPlanned(history, config, 'prod', place, secondsPerDay)
    const whole = await forecastPlanned(history, configOf(''), 'prod', place, secondsPerDay)
    expect(planned.forecast.notes).toContain('The last 2w are learned from: 2w takes over.')
    expect(whole.forecast.notes.join()).not.toContain('learned from')
    expect(planned.forecast.origin).toBe(whole.forecast.origin)
    expect(planned.forecast.workloads[0]!.series).not.toEqual(whole.forecast.workloads[0]!.series)
    expect(planned.pastForecasts.length).toBe(7)
  })

  it('learns from a week to eight', () => {
    expect(() => configOf('challenger: 5d')).toThrow(/is not from 7d to 56d/)
  })
})
