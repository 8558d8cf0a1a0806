import type { DuckDBConnection } from '@duckdb/node-api'
import { secondsPerMinute } from '../../kit/units.js'
import type { InputQuality } from '../data-quality.js'
import type { DemandSource, DemandWindow } from '../demand-source.js'
import type { DemandTable } from '../demand-table.js'
import { describeBadRows, refuseBadRows } from './bad-rows.js'
import type { DemandColumns } from './demand-columns.js'
import { fillGrid } from './demand-grid.js'
import { findFiles } from './find-files.js'
import { createStage, type Steps } from './group-rows.js'
import type { InputFile } from './input-file.js'
import { openSource, type SourceFile } from './source-file.js'
import { aggregatedTimestamps, dropOtherSteps, dropPartialSteps, stageFile } from './staged-rows.js'
import { detectStep } from './step.js'

export interface FileSourceOptions {
  /** Paths, patterns (`demand/*.csv.gz`, `**`) and `s3://` URLs, also with patterns; rows in any order. */
  files: string[]
  columns?: DemandColumns | undefined
  /** Regions of the environment: a file without a region column gets the only one. */
  regions: string[]
  /** Model of files without a model column; without it they are refused. */
  model?: string | undefined
  /** Share of bad rows, 0 … 1, above which reading refuses; default 0.01. */
  maximumBadRows?: number | undefined
  /** Bad rows that name a tenant are told by file and line alone. */
  hidesTenants?: boolean | undefined
  /** Step of single requests where the window names none; default five minutes. */
  stepSeconds?: number | undefined
}

const defaultRequestStepSeconds = 5 * secondsPerMinute
const defaultMaximumBadRows = 0.01

/**
 * Demand in CSV, Parquet and JSON lines, aggregated with DuckDB, which is loaded when the source is read.
 * Histograms of lengths count the requests of partial steps too, which the columns leave out.
 *
 * `read` throws `badData`: FILE_MISSING, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_UNREADABLE, REGION_UNKNOWN,
 * TIMESTAMP_WITHOUT_ZONE, TOO_MANY_BAD_ROWS, NO_ROWS, MIXED_STEPS, HISTORY_TOO_SHORT; and what `fetchObjects` throws.
 */
export function fileSource(options: FileSourceOptions): DemandSource {
  return {
    name: options.files.join(', '),
    read: async (window) => {
      const { DuckDBInstance } = await import('@duckdb/node-api')
      const instance = await DuckDBInstance.create(':memory:', {
        memory_limit: '600MB',
        autoinstall_known_extensions: 'false',
      })
      const connection = await instance.connect()
      try {
        await connection.run("SET TimeZone = 'UTC'")
        const found = await findFiles(connection, options.files)
        try {
          return await readFiles(connection, found.files, options, window)
        } finally {
          await found.remove()
        }
      } finally {
        connection.closeSync()
        instance.closeSync()
      }
    },
  }
}

async function readFiles(
  connection: DuckDBConnection,
  files: InputFile[],
  options: FileSourceOptions,
  window: DemandWindow,
): Promise<DemandTable> {
  const { regions, model, columns = {}, hidesTenants } = options
  await createStage(connection)
  const sources: SourceFile[] = []
  for (const file of files)
    sources.push(await openSource(connection, file, { regions, model, columns, hidesTenants }))

  const qualities = new Map<SourceFile, InputQuality>()
  const stage = async (layout: InputQuality['layout'], steps: Steps) => {
    for (const [number, source] of sources.entries()) {
      if (source.layout === layout) qualities.set(source, await stageFile(connection, source, steps, number))
    }
  }
  const wantedSeconds = window.stepSeconds ?? options.stepSeconds ?? defaultRequestStepSeconds
  await stage('aggregated', { stepSeconds: wantedSeconds, phase: 0, window })
  const aggregated = await aggregatedTimestamps(connection)
  const stepSeconds = detectStep(aggregated) ?? wantedSeconds
  const phase = (aggregated.values().next().value?.[0] ?? 0) % stepSeconds
  await stage('requests', { stepSeconds, phase, window })
  const inputs = sources.map((source) => qualities.get(source)!)
  refuseBadRows(inputs, options.maximumBadRows ?? defaultMaximumBadRows)

  const findings = inputs.filter(({ badRows }) => badRows > 0).map(describeBadRows)
  findings.push(...(await dropPartialSteps(connection, stepSeconds)))
  await dropOtherSteps(connection, stepSeconds, window)
  const { grid, findings: gridFindings } = await fillGrid(connection, stepSeconds)
  return { ...grid, stepSeconds, inputs, findings: [...findings, ...gridFindings] }
}
