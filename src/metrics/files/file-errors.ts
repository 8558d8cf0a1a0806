import { LlmscaleError } from '../../kit/errors.js'
import type { InputFile } from './input-file.js'

/** Turns what goes wrong while a file is read into an error that names it. */
export async function readable<T>(file: InputFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof LlmscaleError) throw cause
    throw unreadable(file, (cause as Error).message.split('\n')[0]!.replaceAll(file.path, file.name))
  }
}

/** The error of a file that cannot be read; `detail` says why. */
export function unreadable({ name }: InputFile, detail: string): LlmscaleError {
  return new LlmscaleError('badData', 'FILE_UNREADABLE', `${name} cannot be read: ${detail}`, [
    'Demand files are CSV, Parquet (.parquet) or JSON lines (.jsonl), the texts in UTF-8, also as .gz or .zst.',
  ])
}

/** The error of files without one good row; `example` is the first bad one. */
export function noRows(names: string[], example?: string): LlmscaleError {
  const detail = example === undefined ? '' : `; the first one: ${example}`
  return new LlmscaleError('badData', 'NO_ROWS', `${names.join(', ')}: no row can be read${detail}`, [
    'A demand file has the columns timestamp,model[,region][,tenant],requests[,input_tokens][,output_tokens].',
  ])
}

/** The error of the first row whose timestamp has no zone. */
export function zonelessTimestamp({ name }: InputFile, line: number, text: string): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'TIMESTAMP_WITHOUT_ZONE',
    `${name}:${line} timestamp has no zone${text && `: ${text}`}`,
    ['Write UTC as 2025-03-03T00:00:00Z, or another zone as 2025-03-03T08:00:00+08:00.'],
  )
}
