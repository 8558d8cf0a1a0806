import { resolve } from 'node:path'
import type { CovariateSettings } from '../config/schema.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import { isNamed, workloadId } from '../kit/workload.js'
import type { Covariate, DemandHistory } from './demand-history.js'
import { fileSource } from './files/file-source.js'
import { nameWorkloads, type Renames, renameWorkload } from './rename-workloads.js'

/** Where a covariate is read. */
export interface CovariateSource extends Pick<CovariateSettings, 'name' | 'workloads'> {
  /** Every column that it has in a window, on one grid of its own. */
  read(window: { from: EpochSeconds; until: EpochSeconds; stepSeconds: number }): Promise<CovariateTable>
}

interface CovariateTable {
  /** Start of the first step. */
  start: EpochSeconds
  stepSeconds: number
  /** By the demand that it counts for: of a model, in one region or in all; without a model of all. NaN where unknown. */
  columns: { model: string | undefined; region: string | undefined; values: Float64Array }[]
}

// Stands for all models and all regions in files that have no column of them.
const every = '*'

/** A covariate in demand files or files of its own, paths relative to a folder. Tenants are added up. */
export function fileCovariate(settings: CovariateSettings, folder: string): CovariateSource {
  const { name, workloads, columns } = settings
  const source = fileSource({
    files: settings.files!.map((file) => (file.startsWith('s3://') ? file : resolve(folder, file))),
    // A demand file whose requests are the covariate: zones, formats and bad rows are the same.
    columns: { timestamp: columns.timestamp, model: columns.model, requests: columns.value ?? name },
    regions: [every],
    model: every,
  })
  const named = (text: string) => (text === every ? undefined : text)
  return {
    name,
    ...(workloads && { workloads }),
    async read({ from, until }) {
      const table = await source.read({ from, until })
      const merged = nameWorkloads(table, ({ model, region }) => ({ model, region }))
      return {
        start: table.start,
        stepSeconds: table.stepSeconds,
        columns: merged.workloads.map(({ workload: { model, region }, requests }) => ({
          model: named(model),
          region: named(region),
          values: requests,
        })),
      }
    },
  }
}

/**
 * Covariates on the grid of a history, of whose time alone they are read: the mean of a step's parts, and where they
 * are measured less often what was known of the time. Rejects with what the sources throw, the covariate named.
 */
export async function readCovariates(
  sources: readonly CovariateSource[],
  history: DemandHistory,
  renames: Renames = {},
): Promise<{ columns: Covariate[]; findings: Warning[] }> {
  const { start, stepSeconds, length } = history
  const columns: Covariate[] = []
  const findings: Warning[] = []
  for (const { name, workloads, read } of sources) {
    const window = { from: start, until: start + length * stepSeconds, stepSeconds }
    const table = await read(window).catch((error: unknown) => {
      throw nameCovariate(error, name)
    })
    const known = table.columns
      .map(({ model, region, values }) => ({
        whose: nameDemand(model, region, renames),
        values: alignColumn(values, table, history),
      }))
      .filter(({ values }) => values.some(Number.isFinite))
    if (known.length === 0)
      findings.push({
        code: 'COVARIATE_EMPTY',
        message: `Covariate ${name} has no value in the time of demand.`,
      })
    const named = known.map(({ whose, values }): Covariate => {
      const names = whose === undefined ? workloads : narrow(workloads, whose)
      return { name, values, ...(names && { workloads: names }) }
    })
    columns.push(...named)
    if (known.length > 0 && !named.some((each) => concernsAny(each, history)))
      findings.push({
        code: 'COVARIATE_UNMATCHED',
        message: `Covariate ${name} counts for ${named.flatMap((each) => each.workloads ?? []).join(', ') || 'none of the workloads that it names'}, of which there is no demand.`,
      })
  }
  return { columns, findings }
}

function concernsAny({ workloads }: Covariate, history: DemandHistory): boolean {
  return workloads === undefined || history.workloads.some(({ workload }) => isNamed(workload, workloads))
}

function nameDemand(
  model: string | undefined,
  region: string | undefined,
  renames: Renames,
): string | undefined {
  if (model === undefined) return undefined
  const today = renameWorkload({ model, region: region ?? '' }, renames)
  return region === undefined ? today.model : workloadId(today)
}

/** What two ways to name workloads both name, as far as a name can say. */
function narrow(names: readonly string[] | undefined, whose: string): readonly string[] {
  if (names === undefined || names.some((name) => whose === name || whose.startsWith(`${name}/`)))
    return [whose]
  return names.filter((name) => name.startsWith(`${whose}/`))
}

function alignColumn(values: Float64Array, from: CovariateTable, to: DemandHistory): Float64Array {
  return Float64Array.from({ length: to.length }, (_, step) => {
    const at = (to.start + step * to.stepSeconds - from.start) / from.stepSeconds
    const end = Math.max(Math.floor(at) + 1, Math.floor(at + to.stepSeconds / from.stepSeconds))
    let [sum, known] = [0, 0]
    for (let part = Math.floor(at); part < end; part++) {
      const value = values[part]
      if (value === undefined || Number.isNaN(value)) continue
      sum += value
      known++
    }
    return known === 0 ? Number.NaN : sum / known
  })
}

function nameCovariate(error: unknown, name: string): unknown {
  if (!(error instanceof LlmscaleError)) return error
  const { reason, code, message } = error
  return new LlmscaleError(reason, code, `covariate ${name}: ${message}`, [
    `Correct ${name} under metrics.covariates in llmscale.yaml, or remove it.`,
  ])
}
