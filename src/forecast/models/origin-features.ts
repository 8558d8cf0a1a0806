import type { Series } from './point-model.js'

/** Leads that features reach: one day, in hours. Further ahead forecasts stand in for what came. */
export const featureLeads = 24
/** Features of one origin and lead, before they meet the character of the series; they come first. */
export const plainFeatures = 21
/** Length of `writeFeatures`' vector: each feature, and its product with both traits of the series. */
export const featureCount = 3 * plainFeatures

const day = 24
const week = 7 * day
const traitHours = 14 * day
const traitLimit = 1.5
const intercept = 0.3
// Changes below this share of the level are rounding.
const steadyShare = 1e-9
// A series that hardly changes is measured in units of this share of its level: else its first change is beyond all.
const leastShare = 0.001

/**
 * An hourly series as the pooled models see it: square roots, which steady the noise of counts, beside what the same
 * hour of the last seven days had on average.
 */
export interface SeasonalView {
  roots: Float64Array
  expected: Float64Array
  observed: Uint8Array
  /** Running sums up to a step: roots, and absolute changes against an hour, a day and a week before. */
  rootSums: Float64Array
  changeSums: Float64Array[]
  changeCounts: Float64Array[]
}

/** What a model may know of a series at an origin: how large its changes are, and against what they are small. */
export interface Traits {
  /** Mean absolute change against the day before, in roots. */
  scale: number
  /** Logarithms of the same against the hour and the week before, as ratios to `scale`. */
  hourly: number
  weekly: number
}

/** The view of the values before `end`, with room for the leads that `extendView` will add. */
export function viewSeries({ values, observed }: Series, end: number, room: number): SeasonalView {
  const length = end + room
  const view: SeasonalView = {
    roots: new Float64Array(length),
    expected: new Float64Array(length),
    observed,
    rootSums: new Float64Array(length + 1),
    changeSums: [1, day, week].map(() => new Float64Array(end + 1)),
    changeCounts: [1, day, week].map(() => new Float64Array(end + 1)),
  }
  for (let step = 0; step < end; step++) extendView(view, step, values[step]!)
  for (let step = end; step < Math.min(end + day, length); step++) view.expected[step] = expect(view, step)
  const { roots, changeSums, changeCounts } = view
  for (const [index, lag] of [1, day, week].entries()) {
    const sums = changeSums[index]!
    const counts = changeCounts[index]!
    for (let step = 0; step < end; step++) {
      const known = step >= Math.max(lag, day) && observed[step] === 1 && observed[step - lag] === 1
      sums[step + 1] = sums[step]! + (known ? Math.abs(roots[step]! - roots[step - lag]!) : 0)
      counts[step + 1] = counts[step]! + (known ? 1 : 0)
    }
  }
  return view
}

/** Puts a value at a step, and what it lets expect a day later. */
export function extendView(view: SeasonalView, step: number, value: number): void {
  view.roots[step] = Math.sqrt(Math.max(0, value))
  view.rootSums[step + 1] = view.rootSums[step]! + view.roots[step]!
  if (step < day) view.expected[step] = view.roots[step]!
  if (step + day < view.expected.length) view.expected[step + day] = expect(view, step + day)
}

function expect({ roots }: SeasonalView, step: number): number {
  let sum = 0
  let count = 0
  for (let past = step - day; past >= Math.max(0, step - week); past -= day, count++) sum += roots[past]!
  return sum / count
}

/** Traits at an origin from the two weeks before it; undefined where nothing changes. */
export function traitsAt(
  { changeSums, changeCounts, rootSums }: SeasonalView,
  origin: number,
): Traits | undefined {
  const from = Math.max(0, origin - traitHours)
  const change = (index: number, least: number) => {
    const count = changeCounts[index]![origin]! - changeCounts[index]![from]!
    return count < least ? undefined : (changeSums[index]![origin]! - changeSums[index]![from]!) / count
  }
  const level = (rootSums[origin]! - rootSums[from]!) / (origin - from)
  const daily = change(1, day)
  if (daily === undefined || daily <= steadyShare * level) return undefined
  const scale = Math.max(daily, leastShare * level)
  const ratio = (part = scale) => Math.min(Math.max(Math.log((part + 1e-9) / scale), -traitLimit), traitLimit)
  return { scale, hourly: ratio(change(0, 1)), weekly: ratio(change(2, day)) }
}

/**
 * Writes the features of the step `lead` hours after an origin and returns what the last week lets expect there, both
 * in units of `scale`. A model's target is the root that came, less that, in the same units.
 */
export function writeFeatures(
  { roots, expected, rootSums }: SeasonalView,
  origin: number,
  lead: number,
  { scale, hourly, weekly }: Traits,
  out: Float64Array,
  at: number,
): number {
  const step = origin + lead
  const base = expected[step]!
  // Before the first day the first day stands in.
  const root = (index: number) => roots[index >= 0 ? index : ((index % day) + day) % day]!
  const surprise = (back: number) => root(origin - back) - (expected[origin - back] ?? root(origin - back))
  const mean = (from: number) =>
    (rootSums[origin]! - rootSums[Math.max(0, from)]!) / (origin - Math.max(0, from))
  const yesterday = root(step - day)
  const hasWeek = step >= week
  const lastWeek = hasWeek ? roots[step - week]! : base
  const level = mean(origin - week)
  let index = at
  out[index++] = yesterday - base
  out[index++] = root(step - 2 * day) - base
  out[index++] = root(step - 3 * day) - base
  out[index++] = root(step - 4 * day) - base
  out[index++] = lastWeek - base
  out[index++] = (step >= 2 * week ? roots[step - 2 * week]! : lastWeek) - base
  out[index++] = surprise(1)
  out[index++] = surprise(2)
  out[index++] = surprise(3)
  out[index++] = (surprise(4) + surprise(5) + surprise(6)) / 3
  let earlier = 0
  for (let back = 7; back <= 12; back++) earlier += surprise(back) / 6
  out[index++] = earlier
  out[index++] = root(origin - 1 - day) - expected[origin - 1]!
  out[index++] = origin > week ? roots[origin - 1 - week]! - expected[origin - 1]! : 0
  out[index++] = mean(origin - day) - level
  out[index++] = base - level
  out[index++] = root(step - day - 1) - yesterday
  out[index++] = root(lead < day - 1 ? step - day + 1 : step - 2 * day + 1) - yesterday
  out[index++] = step > week ? roots[step - week - 1]! - lastWeek : 0
  out[index++] = hasWeek ? roots[step - week + 1]! - lastWeek : 0
  out[index++] = root(origin - 1) - root(origin - 1 - day)
  for (let feature = at; feature < index; feature++) out[feature]! /= scale
  out[index++] = intercept
  for (let feature = 0; feature < plainFeatures; feature++) {
    out[at + plainFeatures + feature] = hourly * out[at + feature]!
    out[at + 2 * plainFeatures + feature] = weekly * out[at + feature]!
  }
  return base / scale
}
