import type { Config } from '../config/schema.js'
import type { Episode } from '../forecast/anomalies/episode.js'
import { findAnomalies } from '../forecast/anomalies/find-anomalies.js'
import { maskEpisodes } from '../forecast/anomalies/mask-episodes.js'
import type { Warning } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'

/** A history without what must not be learned, and what that was; the history itself where the configuration says so. */
export function leaveOutAnomalies(
  history: DemandHistory,
  config: Config | undefined,
): { history: DemandHistory; findings: Warning[] } {
  if (config?.forecast.anomalies === 'learn') return { history, findings: [] }
  const episodes = findAnomalies(history)
  return {
    history: maskEpisodes(history, episodes),
    findings: episodes.map((episode) => ({
      code: 'ANOMALY_MASKED',
      message: describeEpisode(episode, history),
    })),
  }
}

function describeEpisode(
  { kind, workloads, from, to, evidence }: Episode,
  { start, stepSeconds }: DemandHistory,
): string {
  const [first, ...others] = workloads.map(workloadId)
  const whose = others.length === 0 ? first : `${first} and ${others.length} more`
  const time = (step: number) =>
    formatInstant(start + step * stepSeconds)
      .slice(0, 16)
      .replace('T', ' ')
  return `${whose}: ${time(from)} to ${time(to)} UTC looks like ${nouns[kind]} and is not learned: ${evidence.join(', ')}.`
}

const nouns = { 'retry-storm': 'a retry storm', attack: 'an attack', 'load-test': 'a load test' } as const
