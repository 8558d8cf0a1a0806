import { type InjectedEpisode, type InjectedTrace, surgesToMask } from './events.js'
import type { FoundEpisode } from './three-sigma.js'

/** How a rule did on injected traces, by episode. */
export interface DetectionScore {
  /** Injected episodes that must not be learned, and those of which at least half of the steps were found. */
  injected: number
  caught: number
  /** Of both, those that something sets apart from the series. */
  tellable: number
  tellableCaught: number
  /** Found episodes, and those of which at least half of the steps were injected and must not be learned. */
  found: number
  right: number
  /** Found episodes that are wrong, by what lies under most of them: a legitimate surge, or the trace itself. */
  wrong: Record<string, number>
  /** Injected and caught by kind. */
  kinds: Record<string, { injected: number; caught: number; named: number }>
  days: number
}

export function createScore(): DetectionScore {
  return {
    injected: 0,
    caught: 0,
    tellable: 0,
    tellableCaught: 0,
    found: 0,
    right: 0,
    wrong: {},
    kinds: {},
    days: 0,
  }
}

/** Adds what a rule found in one trace. `kind` of a found episode, where a rule tells it, is held against the truth. */
export function addToScore(
  score: DetectionScore,
  { history, episodes }: InjectedTrace,
  found: readonly (FoundEpisode & { kind?: string })[],
  hidden: ReadonlySet<InjectedEpisode> = new Set(),
): void {
  const isToMask = ({ kind }: InjectedEpisode) => (surgesToMask as readonly string[]).includes(kind)
  const truths = episodes.filter((episode) => isToMask(episode) && episode.to > episode.from)
  score.days += (history.length * history.stepSeconds) / 86_400
  for (const truth of truths) {
    const hits = found.filter((episode) => overlap(episode, truth) > 0)
    const covered = hits.reduce((sum, episode) => sum + overlap(episode, truth), 0)
    const kind = countsOf(score, truth.kind)
    score.injected++
    kind.injected++
    if (!hidden.has(truth)) score.tellable++
    if (2 * covered < truth.to - truth.from) continue
    score.caught++
    kind.caught++
    if (!hidden.has(truth)) score.tellableCaught++
    if (hits.some((hit) => hit.kind === truth.kind)) kind.named++
  }
  for (const episode of found) {
    score.found++
    const inside = truths.reduce((sum, truth) => sum + overlap(episode, widen(truth)), 0)
    if (2 * inside >= episode.to - episode.from) {
      score.right++
      continue
    }
    // A launch lasts to the end: what comes long after its ramp is the trace's own.
    const under = episodes.find(
      (each) =>
        2 * overlap(episode, each) >= episode.to - episode.from &&
        (each.kind !== 'launch' || episode.from < each.from + 20),
    )
    const name = under?.kind ?? 'trace'
    score.wrong[name] = (score.wrong[name] ?? 0) + 1
  }
}

function countsOf(score: DetectionScore, kind: string): DetectionScore['kinds'][string] {
  score.kinds[kind] ??= { injected: 0, caught: 0, named: 0 }
  return score.kinds[kind]
}

/** The first and last step of an episode may hold less than a tenth of its height. */
function widen({ from, to, kind }: InjectedEpisode): InjectedEpisode {
  return { kind, from: from - 1, to: to + 1 }
}

function overlap(one: FoundEpisode, other: FoundEpisode): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from))
}

export function addScores(scores: readonly DetectionScore[]): DetectionScore {
  const sum = createScore()
  for (const score of scores) {
    for (const key of ['injected', 'caught', 'tellable', 'tellableCaught', 'found', 'right', 'days'] as const)
      sum[key] += score[key]
    for (const [name, count] of Object.entries(score.wrong)) sum.wrong[name] = (sum.wrong[name] ?? 0) + count
    for (const [name, { injected, caught, named }] of Object.entries(score.kinds)) {
      const kind = countsOf(sum, name)
      kind.injected += injected
      kind.caught += caught
      kind.named += named
    }
  }
  return sum
}
