import type { Workload } from '../../kit/workload.js'
import type { MaskReason } from '../../metrics/demand-history.js'

/** Kinds of surges that are not demand of a usual day: reasons of a mask. */
export type EpisodeKind = Extract<MaskReason, 'retry-storm' | 'attack' | 'load-test'>

/** A surge that must not be learned. */
export interface Episode {
  kind: EpisodeKind
  /** Whose points are masked: the tenants that added it, or all of a model where nobody stands out. */
  workloads: Workload[]
  /** Steps of the history, `from` inclusive, `to` exclusive. */
  from: number
  to: number
  /** Requests of the steps over those that were to be expected. */
  timesUsual: number
  /** Probability that it is none of a launch, a campaign, a job: of the fitted trees, 0.45 … 1. */
  certainty: number
  /** What speaks for it, in words. */
  evidence: string[]
}
