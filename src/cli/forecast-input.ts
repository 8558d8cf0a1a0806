import { Flags } from '@oclif/core'
import type { Config } from '../config/schema.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { fileSource } from '../metrics/files/file-source.js'
import { readDemand, requireHistory } from '../metrics/read-demand.js'
import { leaveOutAnomalies } from './anomalies.js'
import type { BaseCommand } from './base-command.js'
import { withDemand } from './demand.js'
import { duration, instant } from './flags.js'
import { environmentOf, readConfig } from './project.js'

/** Flags of the commands that forecast, with a configuration or from a demand file alone. */
export const forecastFlags = {
  metrics: Flags.string({
    description: 'Demand file instead of those of the config, which is then not read.',
    multiple: true,
  }),
  step: duration({ description: 'Step, where it is not that of the file.' }),
  horizon: duration({ description: 'How far ahead; default the config’s, or 7d.', helpValue: '7d' }),
  seed: Flags.integer({ description: 'Seed of the sample paths; default the config’s, or 1.' }),
  'as-of': instant({ description: 'Read only demand up to this time; default all.' }),
  region: Flags.string({
    description: 'Region of files without a region column.',
    dependsOn: ['metrics'],
  }),
}

export interface ForecastFlags {
  config: string
  env?: string | undefined
  metrics?: string[] | undefined
  step?: number | undefined
  'as-of'?: number | undefined
  region?: string | undefined
}

/**
 * The history that a forecast is made from, without what must not be learned, and the configuration where one was read; findings go to the user. Throws
 * what `readConfig` and `readDemand` throw, and HISTORY_TOO_SHORT.
 * @param isLearned false for all that came, anomalies too: a score must not leave out what was hard
 */
export async function readForecastInput(
  command: BaseCommand,
  flags: ForecastFlags,
  isLearned = true,
): Promise<{ history: DemandHistory; config: Config | undefined }> {
  command.progress('Reading demand …')
  const config = flags.metrics === undefined ? await readConfig(flags.config) : undefined
  const { history, quality } =
    config === undefined
      ? await readDemand({
          // Without a config the region only completes names.
          sources: [{ source: fileSource({ files: flags.metrics!, regions: [flags.region ?? 'default'] }) }],
          stepSeconds: flags.step,
          until: flags['as-of'],
        })
      : await withDemand(
          command,
          config,
          environmentOf(config, flags.env).name,
          { ...flags, until: flags['as-of'] },
          readDemand,
        )
  requireHistory(history)
  const learned = isLearned ? leaveOutAnomalies(history, config) : { history, findings: [] }
  for (const finding of [...quality.findings, ...learned.findings]) command.note(finding)
  return { history: learned.history, config }
}
