import { rmSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'

/** Writes a file whole or not at all: to a neighbour first, then renamed over the old one. */
export async function writeFileWhole(path: string, content: string | Uint8Array): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
  const done = onInterrupt(() => rmSync(part, { force: true }))
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(part, content)
    await rename(part, path)
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined)
    throw notWritable(path, cause)
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
