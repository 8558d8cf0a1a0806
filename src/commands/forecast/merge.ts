import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { readForecastFile, requireForecastPath, writeForecastFile } from '../../cli/forecast-file.js'
import { mergeForecasts } from '../../forecast/merge-forecasts.js'

export const Result = z.strictObject({
  file: z.string(),
  shards: z.int().describe('Files that were joined.'),
  workloads: z.int(),
})

export default class ForecastMerge extends BaseCommand {
  static override description = 'Join the forecast files of all shards: the bytes of a run without shards.'
  static override examples = ['<%= config.bin %> forecast merge shard-*.parquet --out forecast.parquet']
  static override strict = false
  static override args = {
    files: Args.string({ description: 'Forecast files, one a shard.', required: true }),
  }
  static override flags = {
    out: Flags.string({ description: 'Forecast file to write, .csv or .parquet.', required: true }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags, argv } = await this.parse(ForecastMerge)
    requireForecastPath(flags.out)
    const files = []
    for (const path of argv as string[]) files.push({ path, text: await readForecastFile(path) })
    const parts = mergeForecasts(files)
    await writeForecastFile(flags.out, parts)
    const result = { file: flags.out, shards: files.length, workloads: parts.length - 1 }
    this.log(`${result.file}: ${result.workloads} workloads of ${result.shards} shards`)
    return result
  }
}
