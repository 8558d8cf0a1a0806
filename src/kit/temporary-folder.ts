import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onInterrupt } from './interrupt.js'

/** A folder that only we may enter. */
export interface TemporaryFolder {
  path: string
  /** With all that is in it; may be called twice. */
  remove(): Promise<void>
}

/** Makes a private folder, `llmscale-<purpose>-…`, which is gone after `remove` or an interrupt. */
export function createTemporaryFolder(purpose: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `llmscale-${purpose}-`))
  // While an interrupt removes it, other work may still put files into it.
  const removeFolder = () => rm(path, { recursive: true, force: true, maxRetries: 5 })
  const done = onInterrupt(removeFolder)
  return {
    path,
    remove: async () => {
      await removeFolder()
      done()
    },
  }
}
