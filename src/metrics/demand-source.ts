import type { EpochSeconds } from '../kit/units.js'
import type { DemandTable } from './demand-table.js'

/**
 * Where demand comes from: files, a Prometheus. Every source passes the contract of test/metrics/source-contract.ts;
 * docs/metrics.md has the recipe for one more.
 */
export interface DemandSource {
  /** How messages call it: a path, or a URL without credentials. */
  readonly name: string
  /**
   * Everything that the source has in a window, on one grid. Rejects with an LlmscaleError of reason badData,
   * configInvalid or upstreamUnavailable; never answers with a part as if it were the whole.
   */
  read(window: DemandWindow): Promise<DemandTable>
}

export interface DemandWindow {
  /** Only steps that begin at this time or later; default all that the source has. */
  from?: EpochSeconds | undefined
  /** Only steps that were over at this time, so that nothing is learned from what came later. */
  until?: EpochSeconds | undefined
  /** Step that is wanted; a source that has another gives its own. */
  stepSeconds?: number | undefined
}
