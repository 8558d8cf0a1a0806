import { ContrastScan } from '../../src/forecast/anomalies/contrast-scan.js'
import { weighSurges } from '../../src/forecast/anomalies/find-anomalies.js'
import { overlap } from '../../src/forecast/anomalies/surge.js'
import { createContext } from '../../src/forecast/anomalies/surge-context.js'
import { readSignals } from '../../src/forecast/anomalies/surge-signals.js'
import { type InjectedEpisode, type InjectedTrace, surgesToMask } from './events.js'
import { addToScore, createScore, type DetectionScore } from './score.js'
import type { FoundEpisode } from './three-sigma.js'

// What can be expected of any rule: some of what is injected is smaller than what the series does by itself.

/** Fewer requests than a series has at random in a step. */
const leastAdded = 1

/**
 * Episodes that nothing sets apart: no new tenant added them, and in none of the signals (requests in sum and of
 * the tenant that added most, refusals, lengths) do they stand higher above both sides than one in forty of all runs
 * of their length, injected ones among them.
 */
export function findHidden({ history, episodes }: InjectedTrace): Set<InjectedEpisode> {
  const context = createContext(readSignals(history.workloads), history)
  const { scan, refusals, inputs, outputs, signals } = context
  const scans = [scan, refusals, inputs?.longer, inputs?.shorter, outputs?.longer, outputs?.shorter]
  const hidden = new Set<InjectedEpisode>()
  for (const episode of episodes) {
    if (!(surgesToMask as readonly string[]).includes(episode.kind) || episode.to <= episode.from) continue
    if (scans.some((each) => each !== undefined && each.weigh(episode).rarity > 1)) continue
    const tenants = signals.tenants.filter((requests) => addedIn(requests, episode) > leastAdded)
    const isSeen = tenants.some(
      (requests) =>
        new ContrastScan(
          requests.map((value) => Math.sqrt(value)),
          history,
        ).weigh(episode).rarity > 1,
    )
    if (!isSeen) hidden.add(episode)
  }
  return hidden
}

/** Requests a step above those before. */
function addedIn(requests: Float64Array, { from, to }: InjectedEpisode): number {
  const mean = (first: number, end: number) => {
    const values = requests
      .subarray(Math.max(0, first), Math.max(0, end))
      .filter((value) => !Number.isNaN(value))
    return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  }
  return mean(from, to) - mean(2 * from - to, from)
}

const heights = [0.5, 0.7, 1, 1.3, 1.6, 2, 2.5, 3, 3.5, 4, 5, 6]

/** Scores of a threshold on height alone, over what one in forty runs as long has: one by threshold. */
export function scoreHeights(injected: InjectedTrace, scores: DetectionScore[]): void {
  const { surges } = weighSurges(injected.history.workloads, injected.history)
  const byHeight = surges.sort((a, b) => b.traits.rarity - a.traits.rarity)
  heights.forEach((height, index) => {
    const found: FoundEpisode[] = []
    for (const surge of byHeight) {
      if (surge.traits.rarity < height) break
      if (!found.some((other) => overlap(surge, other) > 0)) found.push(surge)
    }
    scores[index] ??= createScore()
    addToScore(scores[index], injected, found)
  })
}

/** The most that such a threshold reaches in hindsight at a precision. */
export function bestRecall(scores: readonly DetectionScore[], precision: number): number {
  return scores
    .filter(({ right, found }) => right >= precision * found)
    .reduce((best, { caught, injected }) => Math.max(best, caught / injected), 0)
}
