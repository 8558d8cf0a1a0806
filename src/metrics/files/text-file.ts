import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { noRows, unreadable } from './file-errors.js'

/** Column names of a CSV file and the delimiter that parts them. */
export async function readHeader(path: string): Promise<{ names: string[]; delimiter: string }> {
  for await (const { text } of readLines(path)) {
    const line = text.replace(/^\uFEFF/, '')
    const delimiter = [',', ';', '\t'].sort((a, b) => line.split(b).length - line.split(a).length)[0]!
    const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw unreadable(path, `two columns are named ${JSON.stringify(twice)}`)
    return { names, delimiter }
  }
  throw noRows([path])
}

/** Lines of a text file that are not blank, with their number from 1. */
export async function* readLines(path: string): AsyncGenerator<{ line: number; text: string }> {
  const bytes = createReadStream(path)
  const input = path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  bytes.on('error', (cause) => input.destroy(cause))
  input.setEncoding('utf8')
  let line = 0
  let rest = ''
  try {
    for await (const chunk of input) {
      const texts = (rest + String(chunk)).split('\n')
      rest = texts.pop()!
      for (const text of texts) {
        line++
        if (text.trim() !== '') yield { line, text: text.trimEnd() }
      }
    }
  } catch (cause) {
    throw unreadable(path, (cause as Error).message)
  } finally {
    bytes.destroy()
  }
  if (rest.trim() !== '') yield { line: line + 1, text: rest.trimEnd() }
}
