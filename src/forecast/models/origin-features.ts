import type { Series } from './point-model.js'

/** Leads that features reach: one day, in hours. Further ahead forecasts stand in for what came. */
export const featureLeads = 24
/** Features of one origin and lead, before they meet the character of the series; they come first. */
export const plainFeatures = 21
/** With the product of each of them with both traits of the series. */
export const featureCount = 3 * plainFeatures

const day = 24
const week = 7 * day
const lags = [1, day, week] as const
const traitHours = 14 * day
const traitLimit = 1.5
const intercept = 0.3
const recentFeatures = 9
// Changes below this share of the level are rounding.
const steadyShare = 1e-9
// A series that hardly changes is measured in units of this share of its level: else its first change is beyond all.
const leastShare = 0.001

/**
 * An hourly series as the pooled models see it: square roots, which steady the noise of counts, beside what the same
 * hour of the last seven days had on average.
 */
export interface SeasonalView {
  /** Values before this step came, later ones are forecasts. */
  end: number
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

/** A view with room for so many leads that knows nothing yet. */
export function createView({ values, observed }: Series, room: number): SeasonalView {
  const { length } = values
  return {
    end: 0,
    roots: new Float64Array(length + room),
    expected: new Float64Array(length + room),
    observed,
    rootSums: new Float64Array(length + room + 1),
    changeSums: lags.map(() => new Float64Array(length + 1)),
    changeCounts: lags.map(() => new Float64Array(length + 1)),
  }
}

/** Lets a view know the values before `end`, in place of what forecasts put there. */
export function observeView(view: SeasonalView, { values, observed }: Series, end: number): void {
  const { roots, changeSums, changeCounts } = view
  for (let step = view.end; step < end; step++) {
    extendView(view, step, values[step]!)
    for (let index = 0; index < lags.length; index++) {
      const lag = lags[index]!
      const known = step >= Math.max(lag, day) && observed[step] === 1 && observed[step - lag] === 1
      const change = known ? Math.abs(roots[step]! - roots[step - lag]!) : 0
      changeSums[index]![step + 1] = changeSums[index]![step]! + change
      changeCounts[index]![step + 1] = changeCounts[index]![step]! + (known ? 1 : 0)
    }
  }
  view.end = Math.max(view.end, end)
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

/** What a model knows at an origin, whatever the lead. */
export interface OriginKnowledge {
  view: SeasonalView
  origin: number
  traits: Traits
  /** Mean root of the week before. */
  level: number
  /** Features that are the same for all leads, in units of the scale. */
  recent: Float64Array
}

export function readOrigin(view: SeasonalView, origin: number, traits: Traits): OriginKnowledge {
  const { roots, expected } = view
  const level = meanRoot(view, origin - week, origin)
  const recent = new Float64Array(recentFeatures)
  recent[0] = surpriseAt(view, origin - 1)
  recent[1] = surpriseAt(view, origin - 2)
  recent[2] = surpriseAt(view, origin - 3)
  for (let back = 4; back <= 6; back++) recent[3]! += surpriseAt(view, origin - back) / 3
  for (let back = 7; back <= 12; back++) recent[4]! += surpriseAt(view, origin - back) / 6
  recent[5] = rootAt(view, origin - 1 - day) - expected[origin - 1]!
  recent[6] = origin > week ? roots[origin - 1 - week]! - expected[origin - 1]! : 0
  recent[7] = meanRoot(view, origin - day, origin) - level
  recent[8] = rootAt(view, origin - 1) - rootAt(view, origin - 1 - day)
  for (let index = 0; index < recentFeatures; index++) recent[index]! /= traits.scale
  return { view, origin, traits, level, recent }
}

/** What came beyond what the last week let expect. */
function surpriseAt(view: SeasonalView, step: number): number {
  return step < 0 ? 0 : view.roots[step]! - view.expected[step]!
}

function meanRoot({ rootSums }: SeasonalView, from: number, to: number): number {
  const first = Math.max(0, from)
  return (rootSums[to]! - rootSums[first]!) / (to - first)
}

/** Before the first day the first day stands in. */
function rootAt({ roots }: SeasonalView, index: number): number {
  return roots[index >= 0 ? index : ((index % day) + day) % day]!
}

/**
 * Writes the plain features of the step `lead` hours after an origin and returns what the last week lets expect there,
 * both in units of `scale`. A model's target is the root that came, less that, in the same units.
 */
export function writeFeatures(
  { view, origin, traits: { scale }, level, recent }: OriginKnowledge,
  lead: number,
  out: Float64Array,
  at: number,
): number {
  const { roots, expected } = view
  const step = origin + lead
  const base = expected[step]!
  const yesterday = rootAt(view, step - day)
  const hasWeek = step >= week
  const lastWeek = hasWeek ? roots[step - week]! : base
  out[at] = (yesterday - base) / scale
  out[at + 1] = (rootAt(view, step - 2 * day) - base) / scale
  out[at + 2] = (rootAt(view, step - 3 * day) - base) / scale
  out[at + 3] = (rootAt(view, step - 4 * day) - base) / scale
  out[at + 4] = (lastWeek - base) / scale
  out[at + 5] = ((step >= 2 * week ? roots[step - 2 * week]! : lastWeek) - base) / scale
  for (let index = 0; index < 8; index++) out[at + 6 + index] = recent[index]!
  out[at + 14] = (base - level) / scale
  out[at + 15] = (rootAt(view, step - day - 1) - yesterday) / scale
  out[at + 16] = (rootAt(view, lead < day - 1 ? step - day + 1 : step - 2 * day + 1) - yesterday) / scale
  out[at + 17] = step > week ? (roots[step - week - 1]! - lastWeek) / scale : 0
  out[at + 18] = hasWeek ? (roots[step - week + 1]! - lastWeek) / scale : 0
  out[at + 19] = recent[8]!
  out[at + 20] = intercept
  return base / scale
}

/** Writes, behind the plain features, their products with both traits of the series. */
export function writeProducts({ hourly, weekly }: Traits, out: Float64Array, at: number): void {
  for (let feature = 0; feature < plainFeatures; feature++) {
    out[at + plainFeatures + feature] = hourly * out[at + feature]!
    out[at + 2 * plainFeatures + feature] = weekly * out[at + feature]!
  }
}
