import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utcOffsetSeconds } from '../../../src/kit/time.js'
import type { ScaledObject } from '../../../src/manifests/cluster-object.js'
import { createCronFloor } from '../../../src/manifests/cron-window.js'
import {
  type DatedException,
  type FloorTemplate,
  type FloorWindow,
  weekdays,
} from '../../../src/planning/capacity-plan.js'
import { requestedFloors } from '../../../src/planning/floor-template.js'
import { evaluateCron, localWeek } from '../../manifests/keda-cron.js'
import { workloadDecision } from '../../plan-fixture.js'
import { goldenFolders, readObjects } from '../core/rendered-objects.js'
import { missingNote } from '../tiers.js'
import { askKeda, type CronQuestion } from './cron-scaler.js'

const note = missingNote('keda')
const minutesPerDay = 1440
const week = 7 * minutesPerDay
const workdays = weekdays.slice(0, 5)
const always = [...weekdays]

/** Nights, days, weekends, and times that a clock skips or repeats. */
const floorWindows: FloorWindow[] = [
  { days: workdays, from: '07:45', to: '20:00', replicas: 4 },
  { days: workdays, from: '08:00', to: '24:00', replicas: 4 },
  { days: always, from: '20:00', to: '06:00', replicas: 4 },
  { days: always, from: '22:00', to: '02:15', replicas: 4 },
  { days: always, from: '02:30', to: '05:00', replicas: 4 },
  { days: ['fri', 'sat'], from: '18:00', to: '06:00', replicas: 4 },
  { days: ['sat'], from: '20:00', to: '06:00', replicas: 4 },
  { days: ['sat', 'sun'], from: '00:00', to: '24:00', replicas: 4 },
  { days: ['sun'], from: '00:00', to: '12:00', replicas: 4 },
]

/**
 * Clocks are changed on both sides of UTC, also by a zone that puts them back for one month of the year, at midnight,
 * by half an hour, and at a quarter to.
 */
const zonesWithChanges = [
  'America/New_York',
  'America/St_Johns',
  'Europe/Berlin',
  'Asia/Jerusalem',
  'Africa/Casablanca',
  'Pacific/Auckland',
  'Africa/Cairo',
  'Asia/Beirut',
  'America/Santiago',
  'America/Havana',
  'Atlantic/Azores',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
]

/** Unix seconds of the hours of 2026 in which a zone's clock changes. */
function changesOf(timeZone: string): number[] {
  const changes: number[] = []
  const end = Date.UTC(2027, 0, 1) / 1000
  for (let hour = Date.UTC(2026, 0, 1) / 1000; hour < end; hour += 3600)
    if (utcOffsetSeconds(hour, timeZone) !== utcOffsetSeconds(hour + 3600, timeZone)) changes.push(hour)
  return changes
}

const renderWindows = (timeZone: string, windows: FloorWindow[]) =>
  createCronFloor({ minReplicas: 1, windows, exceptions: [] }, timeZone).windows

/** Minutes at which KEDA and our evaluator differ, and how often a window was switched on or off. */
function compare(questions: readonly CronQuestion[]): { differences: string[]; boundaries: number } {
  const answers = askKeda(questions)
  const differences: string[] = []
  let boundaries = 0
  for (const [index, { window, timeZone, from, minutes }] of questions.entries()) {
    const ours = evaluateCron([{ ...window, timeZone, replicas: 1 }], from, minutes).join('')
    for (let minute = 0; minute < minutes; minute++) {
      const theirs = answers[index]![minute]
      if (minute > 0 && theirs !== answers[index]![minute - 1]) boundaries++
      if (theirs === ours[minute]) continue
      const at = new Date((from + minute * 60) * 1000).toISOString()
      differences.push(`${timeZone} ${window.start} to ${window.end} at ${at}: KEDA has ${theirs}`)
    }
  }
  return { differences, boundaries }
}

const quarter = (at: number) =>
  `${String(Math.floor(at / 4)).padStart(2, '0')}:${String((at % 4) * 15).padStart(2, '0')}`
const floorTemplate = fc.record({
  minReplicas: fc.integer({ min: 1, max: 10 }),
  windows: fc.array(
    fc.record({
      days: fc.subarray(always, { minLength: 1 }),
      from: fc.integer({ min: 0, max: 95 }).map(quarter),
      to: fc.integer({ min: 0, max: 96 }).map(quarter),
      replicas: fc.integer({ min: 1, max: 30 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  exceptions: fc.constant<DatedException[]>([]),
})

interface TemplateQuestion {
  floors: FloorTemplate
  timeZone: string
  from: number
  minutes: number
}

/** The floor that KEDA holds for each template at each minute. */
function floorsOfKeda(questions: readonly TemplateQuestion[]): number[][] {
  const rendered = questions.map(({ floors, timeZone }) => createCronFloor(floors, timeZone))
  const answers = askKeda(
    questions.flatMap(({ from, minutes }, index) =>
      rendered[index]!.windows.map((window) => ({ window, timeZone: window.timeZone, from, minutes })),
    ),
  )
  let asked = 0
  return questions.map(({ minutes }, index) => {
    const { minReplicas, windows } = rendered[index]!
    const held = new Array<number>(minutes).fill(minReplicas)
    for (const { replicas } of windows) {
      const answer = answers[asked++]!
      for (let minute = 0; minute < minutes; minute++)
        if (answer[minute] === '1') held[minute] = Math.max(held[minute]!, replicas)
    }
    return held
  })
}

describe.skipIf(note !== undefined)(`our reading of cron windows against KEDA's${note ?? ''}`, () => {
  it('is the same at every minute of the days around each change of a clock', () => {
    const questions = zonesWithChanges.flatMap((timeZone) =>
      changesOf(timeZone).flatMap((change) =>
        floorWindows
          .flatMap((window) => renderWindows(timeZone, [window]))
          .map((window) => ({
            window,
            timeZone: window.timeZone,
            from: change - minutesPerDay * 60,
            minutes: 2 * minutesPerDay,
          })),
      ),
    )
    const { differences, boundaries } = compare(questions)
    console.log(`KEDA was asked at ${boundaries} boundaries around changes of the clock.`)
    expect(differences).toEqual([])
    expect(boundaries).toBeGreaterThan(20)
  }, 300_000)

  it('is the same where a start and an end fall together, as people may write them', () => {
    const from = Date.UTC(2026, 5, 1) / 1000
    const windows = [
      { start: '0 8 * * 1-5', end: '0 8 * * 2-6' },
      { start: '0 0 * * *', end: '0 0 * * 1' },
    ]
    const { differences } = compare(
      windows.map((window) => ({ window, timeZone: 'UTC', from, minutes: week })),
    )
    expect(differences).toEqual([])
  })

  it('is the same at every minute of a week for all cron triggers that we render', () => {
    const triggers = goldenFolders
      .flatMap(readObjects)
      .filter(({ kind }) => kind === 'ScaledObject')
      .flatMap((object) => (object as unknown as ScaledObject).spec.triggers)
      .flatMap((trigger) => (trigger.type === 'cron' ? [trigger.metadata] : []))
    const from = Date.UTC(2026, 5, 1) / 1000
    const questions = triggers.map(({ timezone, start, end }) => ({
      window: { start, end },
      timeZone: timezone,
      from,
      minutes: week,
    }))
    expect(questions.length).toBeGreaterThan(0)
    expect(compare(questions).differences).toEqual([])
  })

  it('is the same for windows that nobody made fit for the clock of a zone', () => {
    // KEDA loses and invents firings there, and we the same ones.
    const cronTime = fc
      .tuple(fc.nat(59), fc.nat(23), fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }))
      .map(([minute, hour, days]) => `${minute} ${hour} * * ${days.join(',')}`)
    const cronWindow = fc.record({ start: cronTime, end: cronTime }).filter(({ start, end }) => start !== end)
    const questions = zonesWithChanges.flatMap((timeZone) =>
      changesOf(timeZone).flatMap((change) =>
        fc.sample(cronWindow, { numRuns: 6, seed: change }).map((window) => ({
          window,
          timeZone,
          from: change - minutesPerDay * 60,
          minutes: 2 * minutesPerDay,
        })),
      ),
    )
    expect(compare(questions).differences).toEqual([])
  })

  it('KEDA holds the floor of a template at every minute of a week', () => {
    const templates = [workloadDecision().floors, ...fc.sample(floorTemplate, { numRuns: 8, seed: 1 })]
    // Where no clock changes a floor holds for exactly its hours. From Monday 00:00 there.
    const from = Date.UTC(2026, 4, 31, 18, 30) / 1000
    const held = floorsOfKeda(
      templates.map((floors) => ({ floors, timeZone: 'Asia/Kolkata', from, minutes: week })),
    )
    expect(held).toEqual(templates.map((floors) => [...requestedFloors(floors)]))
  })

  it.each(zonesWithChanges)('KEDA is never below a floor when the clock changes in %s', (timeZone) => {
    const templates = [
      ...floorWindows.map((window) => ({ minReplicas: 1, windows: [window], exceptions: [] })),
      ...fc.sample(floorTemplate, { numRuns: 8, seed: 2 }),
    ]
    const minutes = 3 * minutesPerDay
    const questions = changesOf(timeZone).flatMap((change) =>
      templates.map((floors) => ({ floors, timeZone, from: change - 2 * minutesPerDay * 60, minutes })),
    )
    expect(questions.length).toBeGreaterThan(0)
    for (const [index, held] of floorsOfKeda(questions).entries()) {
      const { floors, from } = questions[index]!
      const local = localWeek(from, minutes, timeZone)
      const wanted = requestedFloors(floors)
      const below = held.flatMap((floor, minute) => (floor < wanted[local[minute]!]! ? [minute] : []))
      expect(below, `${JSON.stringify(floors.windows)} from ${from}`).toEqual([])
    }
  })
})
