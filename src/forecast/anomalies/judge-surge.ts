import { formatDuration } from '../../kit/time.js'
import type { Run } from '../../metrics/gaps.js'
import type { EpisodeKind } from './episode.js'
import { sumOdds } from './odds-trees.js'
import { surgeTrees } from './surge-trees.js'
import type { SurgeTraits } from './weigh-surge.js'

/** Steps up to this show how fast a surge rose. */
const finestRampSeconds = 15
/** Programs rise within this, or so many steps where these are longer. */
const programSeconds = 150
const programSteps = 2
/** What is not known. */
const unknown = -1
const leastFallOdds = -3
const usualRefusals = 0.1
/** Lengths of requests this far from those around speak for themselves. */
const clearDeviations = 3

/** A surge with its traits, and how many of a week are about as high. */
export interface JudgedSurge extends Run {
  traits: SurgeTraits
  habit: number
}

/** Of the series in which a surge is. */
export interface SurgeScale {
  stepSeconds: number
  /** Requests of a step. */
  meanRequests: number
}

/** What speaks for and against a surge, each on a scale on which it is even; bench/fit-anomalies.ts learns from these. */
export function scaleTraits({ traits, habit, from, to }: JudgedSurge, scale: SurgeScale): number[] {
  const { stepSeconds, meanRequests } = scale
  const program = Math.max(programSeconds, programSteps * stepSeconds)
  const slowness = (seconds: number) => Math.log((seconds + 30) / program)
  const { newShare, largestShare, tenantRecurs } = traits
  const scaled: Record<(typeof traitNames)[number], number> = {
    timesUsual: Math.log(traits.timesUsual),
    deviations: clamp(traits.deviations, -3, 30),
    rarity: clamp(traits.rarity, -1, 8),
    alike: Math.log10(1e-3 + traits.alike),
    next: Math.min(2, traits.next),
    habit: Math.log1p(habit),
    floor: clamp(traits.floor, -2, 1.5),
    unevenness: traits.unevenness === undefined ? unknown : Math.min(2, traits.unevenness),
    rise: slowness(traits.riseSeconds),
    fall: traits.fallSeconds === undefined ? leastFallOdds : slowness(traits.fallSeconds),
    lasts: Math.min(1, traits.lasts),
    recurs: Math.min(5, traits.recurs),
    oddTenants: traits.oddTenants ?? unknown,
    largestShare: largestShare ?? unknown,
    newShare: newShare ?? unknown,
    onceNewShare: (newShare ?? 0) * (1 - Math.min(1, tenantRecurs / 3)),
    tenantRecurs: (largestShare ?? 0) > 0.5 ? Math.min(5, tenantRecurs) : 0,
    inputMix: scaleMix(traits.inputMix, traits.inputDeviations),
    outputMix: scaleMix(traits.outputMix, traits.outputDeviations),
    inputDeviations: clamp(traits.inputDeviations ?? 0, -15, 15),
    outputDeviations: clamp(traits.outputDeviations ?? 0, -15, 15),
    rejectedShare: traits.rejectedShare === undefined ? unknown : scaleRefusals(traits.rejectedShare),
    duration: Math.log((to - from) * stepSeconds),
    steps: Math.log(to - from),
    stepSeconds: Math.log(stepSeconds),
    meanRequests: Math.log1p(meanRequests),
  }
  return traitNames.map((name) => scaled[name])
}

export const traitNames = [
  'timesUsual',
  'deviations',
  'rarity',
  'alike',
  'next',
  'habit',
  'floor',
  'unevenness',
  'rise',
  'fall',
  'lasts',
  'recurs',
  'oddTenants',
  'largestShare',
  'newShare',
  'onceNewShare',
  'tenantRecurs',
  'inputMix',
  'outputMix',
  'inputDeviations',
  'outputDeviations',
  'rejectedShare',
  'duration',
  'steps',
  'stepSeconds',
  'meanRequests',
] as const

/** Logarithm of the ratio of lengths, the less the less it stands out. */
function scaleMix(mix: number | undefined, deviations: number | undefined): number {
  if (mix === undefined || deviations === undefined) return 0
  return clamp(Math.log(Math.max(0.05, mix)), -2, 2) * Math.min(1, Math.abs(deviations) / clearDeviations)
}

/** A usual day turns some away too. */
function scaleRefusals(share: number): number {
  return share < usualRefusals ? 0 : Math.min(1, share)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

/** Set, not learned: who comes over minutes is a crowd, who comes within seconds a program. */
const crowdOdds = 8

/** 0 for a program's rise, 1 for one twice as slow or slower; 0 where the steps do not show it. */
function crowdShare(riseSeconds: number, stepSeconds: number): number {
  return stepSeconds > finestRampSeconds ? 0 : clamp(riseSeconds / programSeconds - 1, 0, 1)
}

/** Probability that a surge is none of a launch, a campaign, a job, and no burst as the series has anyway. */
export function judgeSurge(surge: JudgedSurge, scale: SurgeScale): number {
  const traits = scaleTraits(surge, scale)
  const crowd = crowdOdds * crowdShare(surge.traits.riseSeconds, scale.stepSeconds)
  const odds = sumOdds(surgeTrees, traits) - crowd
  return 1 / (1 + Math.exp(-odds))
}

/**
 * Surges less certain than this are left in. Where nothing but a height speaks, at steps that show no ramp, noise is as
 * high now and then: more is asked.
 */
export function leastCertainty(traits: SurgeTraits, stepSeconds: number): number {
  const isOdd = (mix: number | undefined, deviations = 0) =>
    Math.abs(scaleMix(mix, deviations)) > 0.2 && Math.abs(deviations) >= clearDeviations
  const speaks =
    (traits.newShare ?? 0) > 0.2 ||
    (traits.rejectedShare ?? 0) > 0.3 ||
    isOdd(traits.inputMix, traits.inputDeviations) ||
    isOdd(traits.outputMix, traits.outputDeviations)
  return speaks || stepSeconds <= finestRampSeconds ? 0.45 : 0.6
}

/** What a surge looks most like; where little is known, an attack. */
export function nameSurge(traits: SurgeTraits): EpisodeKind {
  const {
    rejectedShare = 0,
    newShare = 0,
    largestShare,
    unevenness,
    inputMix,
    outputMix = 1,
    timesUsual,
  } = traits
  const isAlike = inputMix === undefined || (inputMix > 0.75 && inputMix < 1.33)
  if (newShare < 0.5 && isAlike && (rejectedShare >= 0.35 || outputMix < 0.95)) return 'retry-storm'
  const isOne = largestShare === undefined ? inputMix !== undefined : largestShare >= 0.7
  const isFlat = unevenness !== undefined && unevenness < 0.12
  const isMild = [inputMix ?? 1, outputMix].every((mix) => mix > 0.35 && mix < 2.8)
  return isOne && isMild && timesUsual < 4.5 && (isFlat || unevenness === undefined) ? 'load-test' : 'attack'
}

/** What is to be known of a surge, in words. */
export function describeSurge(
  traits: SurgeTraits,
  stepSeconds: number,
  tenantNames: readonly (string | undefined)[],
): string[] {
  const { rejectedShare, newShare = 0, largestShare = 0, largestTenant, adders } = traits
  const times = (value: number) => `${value.toPrecision(2)} ×`
  const evidence = [`requests ${times(traits.timesUsual)} usual`]
  const name = largestTenant === undefined ? undefined : tenantNames[largestTenant]
  if (largestShare >= 0.7 && name !== undefined)
    evidence.push(`${Math.round(100 * largestShare)} % of the rest from ${name}`)
  else if (newShare >= 0.5)
    evidence.push(`most of the rest from ${adders.length} tenants that were silent before`)
  if (rejectedShare !== undefined && rejectedShare >= 0.1)
    evidence.push(`${Math.round(100 * Math.min(1, rejectedShare))} % of the rest turned away`)
  const mixes = [
    ['prompts', traits.inputMix, traits.inputDeviations],
    ['answers', traits.outputMix, traits.outputDeviations],
  ] as const
  for (const [what, mix, deviations] of mixes)
    if (mix !== undefined && mix > 0 && Math.abs(deviations!) >= clearDeviations)
      evidence.push(`${what} ${times(mix)} as long`)
  const isSeen = stepSeconds <= finestRampSeconds
  evidence.push(
    isSeen
      ? `rose within ${formatDuration(Math.max(stepSeconds, Math.round(traits.riseSeconds)))}`
      : `how fast it rose cannot be seen at steps of ${formatDuration(stepSeconds)}`,
  )
  return evidence
}
