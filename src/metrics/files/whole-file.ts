import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { unreadable } from './file-errors.js'
import type { InputFile } from './input-file.js'

const chunkBytes = 1 << 20

/**
 * Makes sure that a gzipped file is whole: DuckDB takes the end of a cut file for the end of its rows, and checks no
 * checksum. Looks at files named .gz alone; throws `badData`, FILE_UNREADABLE.
 */
export async function requireWholeGzip(file: InputFile): Promise<void> {
  if (!file.path.endsWith('.gz')) return
  try {
    await pipeline(
      createReadStream(file.path, { highWaterMark: chunkBytes }),
      createGunzip({ chunkSize: chunkBytes }),
      new Writable({ write: (_chunk, _encoding, done) => done() }),
    )
  } catch (cause) {
    throw unreadable(file, `its gzip is cut off or corrupt (${(cause as Error).message})`)
  }
}

// https://www.rfc-editor.org/rfc/rfc8878#section-3.1
const zstdMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50

/**
 * Makes sure that a Zstandard file is not cut, which DuckDB does not see either: walks over its frames and blocks; what
 * is in them DuckDB checks. Looks at files named .zst alone; throws `badData`, FILE_UNREADABLE.
 */
export async function requireWholeZstd(file: InputFile): Promise<void> {
  if (!file.path.endsWith('.zst')) return
  const handle = await open(file.path)
  try {
    const { size } = await handle.stat()
    let at = 0
    while (at < size) at = await endOfFrame(handle, at)
    if (at !== size) throw new Error('unexpected end of file')
  } catch (cause) {
    throw unreadable(file, `its Zstandard is cut off or corrupt (${(cause as Error).message})`)
  } finally {
    await handle.close()
  }
}

async function endOfFrame(handle: FileHandle, start: number): Promise<number> {
  const magic = await readNumber(handle, start, 4)
  if ((magic & ~0xf) >>> 0 === skippableMagic) return start + 8 + (await readNumber(handle, start + 4, 4))
  if (magic !== zstdMagic) throw new Error('no Zstandard frame')
  const descriptor = await readNumber(handle, start + 4, 1)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4
  let at = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes
  for (;;) {
    const block = await readNumber(handle, at, 3)
    const isRepeatedByte = ((block >> 1) & 3) === 1
    at += 3 + (isRepeatedByte ? 1 : block >> 3)
    if ((block & 1) === 1) return at + checksumBytes
  }
}

async function readNumber(handle: FileHandle, at: number, bytes: number): Promise<number> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, at)
  if (bytesRead < bytes) throw new Error('unexpected end of file')
  return buffer.readUIntLE(0, bytes)
}
