import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'

/** Columns that a demand file may have. */
export const demandColumns = [
  'timestamp',
  'model',
  'region',
  'tenant',
  'requests',
  'input_tokens',
  'output_tokens',
] as const
export type DemandColumn = (typeof demandColumns)[number]
/** Our column name → the file's. */
export type DemandColumns = { [column in DemandColumn]?: string | undefined }

/**
 * The columns of a file that are used, by our names: those of the mapping, else those of the same name.
 * Throws `badData`, COLUMN_MISSING where one that is mapped or needed is not there.
 */
export function matchColumns(path: string, names: string[], mapping: DemandColumns): DemandColumns {
  const used: DemandColumns = {}
  for (const column of demandColumns) {
    const name = mapping[column] ?? column
    if (names.includes(name)) used[column] = name
    else if (mapping[column] !== undefined || column === 'timestamp' || column === 'model') {
      const near = nearestName(name, names)
      throw new LlmscaleError(
        'badData',
        'COLUMN_MISSING',
        `${path}:1 has no column ${JSON.stringify(name)}; it has ${names.map((each) => JSON.stringify(each)).join(', ')}`,
        [
          `Map it: metrics.columns.${column}: ${near ?? 'NAME'} in llmscale.yaml, or --column ${column}=${near ?? 'NAME'}.`,
        ],
      )
    }
  }
  return used
}
