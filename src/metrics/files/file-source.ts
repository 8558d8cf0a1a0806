import type { DuckDBConnection } from '@duckdb/node-api'
import type { Warning } from '../../kit/errors.js'
import { type EpochSeconds, secondsPerMinute } from '../../kit/units.js'
import { describeBadRows, refuseBadRows } from './bad-rows.js'
import type { InputQuality } from '../data-quality.js'
import type { DemandColumns } from './demand-columns.js'
import { type DemandGrid, fillGrid } from './demand-grid.js'
import { openSource, type SourceFile } from './source-file.js'
import {
  aggregatedTimestamps,
  createStage,
  dropLaterSteps,
  dropPartialSteps,
  stageFile,
} from './staged-rows.js'
import { detectStep } from './step.js'

export interface DemandFileOptions {
  /** CSV (also gzipped), Parquet or JSON lines; rows in any order. */
  files: string[]
  columns?: DemandColumns
  /** Regions of the environment: a file without a region column gets the only one. */
  regions: string[]
  /** Step of the history; default that of the files, or five minutes for single requests. */
  stepSeconds?: number
  /** Only steps that were over at this time are read, so that nothing is learned from what came later. */
  until?: EpochSeconds
  /** Share of bad rows, 0 … 1, above which reading refuses; default 0.01. */
  maximumBadRows?: number
}

/** Rows of all files on one grid, as they are: nothing masked, nothing filled. */
export interface DemandTable extends DemandGrid {
  stepSeconds: number
  files: InputQuality[]
  findings: Warning[]
}

const defaultRequestStepSeconds = 5 * secondsPerMinute
const defaultMaximumBadRows = 0.01

/**
 * Reads and aggregates demand files with DuckDB, which is loaded here and not before.
 * Timestamps are read as text: as a timestamp type a value without zone silently takes the process's zone, and an
 * unparsable one silently becomes null.
 */
export async function readDemandFiles(options: DemandFileOptions): Promise<DemandTable> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '1GB',
    autoinstall_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    return await collect(connection, options)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function collect(connection: DuckDBConnection, options: DemandFileOptions): Promise<DemandTable> {
  await createStage(connection)
  const sources: SourceFile[] = []
  for (const path of options.files) sources.push(await openSource(connection, path, options))

  const qualities = new Map<SourceFile, InputQuality>()
  for (const source of sources.filter(({ layout }) => layout === 'aggregated')) {
    qualities.set(source, await stageFile(connection, source, 'epoch_ms(instant) / 1000'))
  }
  const aggregated = await aggregatedTimestamps(connection)
  const stepSeconds = detectStep(aggregated) ?? options.stepSeconds ?? defaultRequestStepSeconds
  const phase = aggregated.values().next().value?.[0] ?? 0
  for (const source of sources.filter(({ layout }) => layout === 'requests')) {
    const at = `floor((epoch_ms(instant) / 1000 - ${phase}) / ${stepSeconds}) * ${stepSeconds} + ${phase}`
    qualities.set(source, await stageFile(connection, source, at))
  }
  const files = sources.map((source) => qualities.get(source)!)
  refuseBadRows(files, options.maximumBadRows ?? defaultMaximumBadRows)

  const findings = files.filter(({ badRows }) => badRows > 0).map(describeBadRows)
  findings.push(...(await dropPartialSteps(connection, stepSeconds)))
  if (options.until !== undefined) await dropLaterSteps(connection, stepSeconds, options.until)
  const { grid, duplicateFinding } = await fillGrid(connection, stepSeconds)
  if (duplicateFinding !== undefined) findings.push(duplicateFinding)
  return { ...grid, stepSeconds, files, findings }
}
