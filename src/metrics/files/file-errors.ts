import { LlmscaleError } from '../../kit/errors.js'

/** Turns what goes wrong while a file is read into an error that names it. */
export async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw cause instanceof LlmscaleError ? cause : unreadable(path, (cause as Error).message.split('\n')[0]!)
  }
}

/** The error of a file that cannot be read; `detail` says why. */
export function unreadable(path: string, detail: string): LlmscaleError {
  return new LlmscaleError('badData', 'FILE_UNREADABLE', `${path} cannot be read: ${detail}`, [
    'Demand files are CSV, gzipped CSV (.csv.gz), Parquet (.parquet) or JSON lines (.jsonl), in UTF-8.',
  ])
}

/** The error of files without one good row; `example` is the first bad one. */
export function noRows(paths: string[], example?: string): LlmscaleError {
  const detail = example === undefined ? '' : `; the first one: ${example}`
  return new LlmscaleError('badData', 'NO_ROWS', `${paths.join(', ')}: no row can be read${detail}`, [
    'A demand file has the columns timestamp,model[,region][,tenant],requests[,input_tokens][,output_tokens].',
  ])
}
