import { quote } from './query.js'

/** A file to read. */
export interface InputFile {
  /** How messages call it: its path, or the URL of the object that it was fetched from. */
  name: string
  path: string
}

/** Quotes a path for a function of DuckDB that takes patterns. */
export function quotePath(path: string): string {
  return quote(path.replaceAll(/[*?[]/g, '[$&]'))
}
