import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { LlmscaleError } from '../kit/errors.js'
import { notWritable, writeFileWhole } from './files.js'
import { createInOrder, type StateStore } from './state-store.js'

/** A guard is held for less than a millisecond: one this old is of a process that was killed. */
const deadGuardMilliseconds = 5_000

/** Receipts and locks in a folder of this machine; made where it is missing. */
export function createFolderStore(folder: string): StateStore {
  const store: StateStore = {
    place: folder,
    writesSparingly: false,
    read: (path) => readText(join(folder, path)),
    list: async (below) => {
      const entries = await readdir(join(folder, below), { recursive: true, withFileTypes: true }).catch(
        (cause) => {
          if (isMissing(cause)) return []
          throw unreadable(join(folder, below), cause)
        },
      )
      return entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .sort()
    },
    write: (path, text) => writeFileWhole(join(folder, path), text),
    create: (files) =>
      createInOrder(files, async (path, text) => createFile(join(folder, path), text), store.remove),
    remove: async (files) => {
      for (const [path, text] of files) await removeFile(join(folder, path), text)
    },
  }
  return store
}

/** A hard link is made only where there is nothing, and its content is whole; without an await nothing is left behind. */
function createFile(path: string, text: string): boolean {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.new`)
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(part, text)
    linkSync(part, path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw notWritable(path, cause)
  } finally {
    rmSync(part, { force: true })
  }
}

/** Compares and removes under a guard, which is a file that only one process can make. */
async function removeFile(path: string, text: string): Promise<void> {
  const guard = join(dirname(path), `.${basename(path)}.guard`)
  const giveUp = Date.now() + 2 * deadGuardMilliseconds
  for (;;) {
    try {
      closeSync(openSync(guard, 'wx'))
      try {
        if (readFileSync(path, 'utf8') === text) rmSync(path)
      } finally {
        rmSync(guard, { force: true })
      }
      return
    } catch (cause) {
      if (isMissing(cause)) return
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || Date.now() > giveUp)
        throw notWritable(path, cause)
    }
    const made = statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - made > deadGuardMilliseconds) rmSync(guard, { force: true })
    else await setTimeout(5)
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((cause) => {
    if (isMissing(cause)) return undefined
    throw unreadable(path, cause)
  })
}

const isMissing = (cause: unknown) =>
  ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')

function unreadable(path: string, cause: Error): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'STATE_UNREADABLE',
    `${path} cannot be read: ${cause.message}`,
  )
}
