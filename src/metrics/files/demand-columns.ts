import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'

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
 * Throws `badData`, COLUMN_MISSING where one that is mapped or needed is not there, or where nothing says how much
 * demand a row is: a count under another name must not pass for one request a row.
 * @param needsModel false where something else says which model rows are of
 */
export function matchColumns(
  path: string,
  names: string[],
  mapping: DemandColumns,
  needsModel = true,
): DemandColumns {
  const used: DemandColumns = {}
  for (const column of demandColumns) {
    const name = mapping[column] ?? column
    if (names.includes(name)) used[column] = name
    else if (mapping[column] !== undefined || column === 'timestamp' || (column === 'model' && needsModel)) {
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
  if (used.requests === undefined && used.input_tokens === undefined && used.output_tokens === undefined) {
    const [spare = 'NAME'] = names.filter((name) => !Object.values(used).includes(name))
    throw new LlmscaleError(
      'badData',
      'COLUMN_MISSING',
      `${path}:1 has neither "requests" (one row a step) nor "input_tokens" and "output_tokens" (one row a request); it has ${names.map((each) => JSON.stringify(each)).join(', ')}`,
      [`Map it: metrics.columns.requests: ${spare} in llmscale.yaml, or --column requests=${spare}.`],
    )
  }
  return used
}
