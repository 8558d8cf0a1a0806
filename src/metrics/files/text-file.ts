import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { DuckDBConnection } from '@duckdb/node-api'
import { noRows, readable, unreadable } from './file-errors.js'
import { type InputFile, quotePath } from './input-file.js'
import { chunks } from './query.js'

/** So many records show which fields JSON lines have; one that appears later is not seen. */
const sampledRecords = 1000

/** Column names of a CSV file and the delimiter that parts them. */
export async function readHeader(
  connection: DuckDBConnection,
  file: InputFile,
): Promise<{ names: string[]; delimiter: string }> {
  for await (const { text } of readLines(connection, file)) {
    const line = text.replace(/^\uFEFF/, '')
    const delimiter = [',', ';', '\t'].sort((a, b) => line.split(b).length - line.split(a).length)[0]!
    const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw unreadable(file, `two columns are named ${JSON.stringify(twice)}`)
    return { names, delimiter }
  }
  throw noRows([file.name])
}

/** Fields of JSON lines. */
export async function readFields(connection: DuckDBConnection, file: InputFile): Promise<string[]> {
  const fields = new Set<string>()
  let left = sampledRecords
  for await (const { text } of readLines(connection, file)) {
    for (const field of fieldsOf(text)) fields.add(field)
    if (--left === 0) break
  }
  if (left === sampledRecords) throw noRows([file.name])
  if (fields.size === 0) throw unreadable(file, 'no line is a JSON object')
  return [...fields]
}

/** Fields of a line that is a JSON object; none of another. */
export function fieldsOf(line: string): string[] {
  try {
    const record: unknown = JSON.parse(line)
    return typeof record === 'object' && record !== null && !Array.isArray(record) ? Object.keys(record) : []
  } catch {
    return [] // a bad row, which the scan finds and counts
  }
}

interface Line {
  line: number
  text: string
}

/** Lines of a text file that are not blank, with their number from 1. */
export async function* readLines(connection: DuckDBConnection, file: InputFile): AsyncGenerator<Line> {
  let line = 0
  let rest = ''
  for await (const part of readText(connection, file)) {
    const texts = (rest + part).split('\n')
    rest = texts.pop()!
    for (const text of texts) {
      line++
      if (text.trim() !== '') yield { line, text: text.trimEnd() }
    }
  }
  if (rest.trim() !== '') yield { line: line + 1, text: rest.trimEnd() }
}

function readText(connection: DuckDBConnection, file: InputFile): AsyncIterable<string> {
  return file.path.endsWith('.zst') ? readZstdText(connection, file) : readPlainText(file)
}

async function* readPlainText(file: InputFile): AsyncGenerator<string> {
  const bytes = createReadStream(file.path)
  const input = file.path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  bytes.on('error', (cause) => input.destroy(cause))
  input.setEncoding('utf8')
  try {
    for await (const chunk of input) yield String(chunk)
  } catch (cause) {
    throw unreadable(file, (cause as Error).message)
  } finally {
    bytes.destroy()
  }
}

/** Node 20 has no Zstandard, DuckDB has: each line as one field, with a delimiter that no text holds. It skips blank lines. */
async function* readZstdText(connection: DuckDBConnection, file: InputFile): AsyncGenerator<string> {
  const lines = chunks(
    connection,
    `SELECT line FROM read_csv(${quotePath(file.path)}, columns = {'line': 'VARCHAR'}, auto_detect = false,
       header = false, delim = chr(1), quote = '', escape = '')`,
  )
  for (;;) {
    const next = await readable(file, () => lines.next())
    if (next.done === true) return
    yield next.value[0]!.map((line) => `${line}\n`).join('')
  }
}
