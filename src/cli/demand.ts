import type { Config } from '../config/schema.js'
import type { EpochSeconds } from '../kit/units.js'
import { openSources, type SourceContext } from '../metrics/open-sources.js'
import type { DemandOptions } from '../metrics/read-demand.js'
import type { BaseCommand } from './base-command.js'

export interface DemandFlags {
  config: string
  /** Demand files instead of the config's sources. */
  metrics?: readonly string[] | undefined
  step?: number | undefined
  /** Only steps that begin at this time or later. */
  from?: EpochSeconds | undefined
  /** Only what was over at this time; default all that there is. */
  until?: EpochSeconds | undefined
}

/**
 * Reads with the sources of the config, or with the files that a flag names instead, and closes what was opened.
 * `read` gets the options of `readDemand`.
 */
export async function withDemand<T>(
  command: BaseCommand,
  config: Config,
  environment: string,
  flags: DemandFlags,
  read: (options: DemandOptions) => Promise<T>,
  context: Partial<SourceContext> = {},
): Promise<T> {
  const common = {
    stepSeconds: flags.step ?? config.forecast.step,
    from: flags.from,
    until: flags.until,
    assumedLengths: ({ model }: { model: string }) =>
      config.workloads.find((entry) => entry.model === model)?.assumedLengths,
  }
  const { options, warnings, close } = await openSources(config, {
    configPath: flags.config,
    environment,
    files: flags.metrics,
    now: Date.now() / 1000,
    onProgress: (done, total) => command.progress(`Asking Prometheus … ${done} of ${total}`),
    ...context,
  })
  try {
    return await read({ ...common, ...options })
  } finally {
    close()
    for (const warning of warnings) command.note(warning)
  }
}
