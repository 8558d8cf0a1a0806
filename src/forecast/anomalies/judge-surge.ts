import { formatDuration } from '../../kit/time.js'
import type { EpisodeKind } from './episode.js'
import type { SurgeTraits } from './weigh-surge.js'

/** Steps up to this show how fast a surge rose. */
const finestRampSeconds = 15
/** Programs rise within this, or so many steps where these are longer. */
const programSeconds = 150
const programSteps = 2

// Logistic regression on the half of the injected traces that it may be chosen on (bench/fit-anomalies.ts): each
// trait about 0 … 1, and 0 where nothing is known. Rounded.
const intercept = -1.1
const weights = {
  deviations: 0.8,
  timesUsual: 0.9,
  newShare: 2.5,
  mix: 1.6,
  rejected: 5.7,
  recurs: -1.5,
  lasts: -1.4,
  rarity: 0.3,
  habit: -1.7,
  // Set, not fitted. Who comes over minutes is a crowd, who comes within seconds a program; a tenant that did the same
  // three times does its job.
  slowRise: -8,
  tenantRecurs: -5,
} as const
export const traitNames = Object.keys(weights) as (keyof typeof weights)[]

/** A surge with its traits, and how many of a week are about as high. */
export interface JudgedSurge {
  traits: SurgeTraits
  habit: number
}

/** What speaks for and against, in the order of `traitNames`. */
export function scaleTraits({ traits, habit }: JudgedSurge, stepSeconds: number): number[] {
  const odd = (mix: number | undefined, deviations: number | undefined) =>
    mix === undefined || deviations === undefined
      ? 0
      : Math.min(1.5, Math.abs(Math.log(Math.max(0.05, mix)))) * Math.min(1, Math.abs(deviations) / 3)
  const concentration = Math.max(0, ((traits.largestShare ?? 0) - 0.3) / 0.7)
  const recurring = (Math.min(3, traits.tenantRecurs) / 3) * concentration
  const scaled: Record<keyof typeof weights, number> = {
    deviations: Math.min(15, traits.deviations) / 10,
    timesUsual: Math.min(2, Math.log(traits.timesUsual)),
    slowRise: Math.min(
      1,
      Math.max(0, traits.riseSeconds / Math.max(programSeconds, programSteps * stepSeconds) - 1),
    ),
    newShare: (traits.newShare ?? 0) * (1 - recurring),
    mix: Math.max(
      odd(traits.inputMix, traits.inputDeviations),
      odd(traits.outputMix, traits.outputDeviations),
    ),
    // A usual day turns some away too.
    rejected: traits.rejectedShare === undefined ? 0 : Math.min(1, traits.rejectedShare) - 0.1,
    recurs: Math.min(3, traits.recurs) / 3,
    tenantRecurs: recurring,
    lasts: Math.min(1, traits.lasts),
    rarity: Math.min(3, Math.max(0, traits.rarity)),
    habit: Math.min(3, Math.log1p(habit)),
  }
  return traitNames.map((name) => scaled[name])
}

/** Probability that a surge is none of a launch, a campaign and a job. */
export function judgeSurge(surge: JudgedSurge, stepSeconds: number): number {
  const scaled = scaleTraits(surge, stepSeconds)
  const odds = traitNames.reduce((sum, name, index) => sum + weights[name] * scaled[index]!, intercept)
  return 1 / (1 + Math.exp(-odds))
}

/**
 * Surges less certain than this are left in. Chosen with the weights: the least at which one in ten is wrong. Where
 * nothing but a height speaks, at steps that show no ramp, noise of few days is as high now and then: more is asked.
 */
export function leastCertainty(traits: SurgeTraits, stepSeconds: number): number {
  const scaled = scaleTraits({ traits, habit: 0 }, stepSeconds)
  const speaks = (['newShare', 'mix', 'rejected'] as const).some(
    (name) => scaled[traitNames.indexOf(name)]! > 0.2,
  )
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
    if (mix !== undefined && mix > 0 && Math.abs(deviations!) >= 3)
      evidence.push(`${what} ${times(mix)} as long`)
  const isSeen = stepSeconds <= finestRampSeconds
  evidence.push(
    isSeen
      ? `rose within ${formatDuration(Math.max(stepSeconds, Math.round(traits.riseSeconds)))}`
      : `how fast it rose cannot be seen at steps of ${formatDuration(stepSeconds)}`,
  )
  return evidence
}
