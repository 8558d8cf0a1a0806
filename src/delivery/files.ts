import { renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'

/** What a file holds, whole or in parts that are made while it is written, once. */
export type FileContent = Uint8Array | string | Iterable<string>

/** Writes a file whole or not at all. Throws OUTPUT_NOT_WRITABLE. */
export function writeFileWhole(path: string, content: FileContent): Promise<void> {
  return writeFilesWhole(new Map([[path, content]]))
}

/**
 * Writes files, by path, all or none: each to a neighbour first, then all renamed over the old ones.
 * Throws OUTPUT_NOT_WRITABLE.
 */
export async function writeFilesWhole(files: ReadonlyMap<string, FileContent>): Promise<void> {
  const parts = new Map<string, string>()
  const removeParts = () => {
    for (const part of parts.values()) rmSync(part, { force: true })
  }
  const done = onInterrupt(removeParts)
  let current = ''
  try {
    for (const [path, content] of files) {
      current = path
      await mkdir(dirname(path), { recursive: true })
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder')
      const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
      parts.set(path, part)
      await writeFile(part, content)
    }
    // Without an await between them: an interrupt comes before or after all of them.
    for (const [path, part] of parts) {
      current = path
      renameSync(part, path)
    }
  } catch (cause) {
    removeParts()
    throw notWritable(current, cause)
  } finally {
    done()
  }
}

export function notWritable(path: string, cause: unknown): LlmscaleError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new LlmscaleError(
    'outputNotWritable',
    'OUTPUT_NOT_WRITABLE',
    `${path} cannot be written: ${detail}`,
    ['Name a folder that exists and that you may write to.'],
  )
}
