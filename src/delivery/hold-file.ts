import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { type Hold, parseHold } from '../planning/hold.js'
import { notWritable } from './files.js'
import { createGit } from './git.js'

/** A file of `forecasts/<env>/holds/`. */
export interface HoldFile {
  /** Of the file, without its ending. */
  name: string
  path: string
  text: string
  /** Undefined where it cannot be read: it holds all the same, until somebody mends or removes it. */
  hold: Hold | undefined
}

/** The holds of a plan folder by name, those that have ended too; none where there is no folder of holds. */
export async function listHolds(planFolder: string): Promise<HoldFile[]> {
  const folder = join(planFolder, 'holds')
  const files = await readdir(folder).catch(() => [])
  return Promise.all(
    files
      .filter((file) => file.endsWith('.yaml'))
      .sort()
      .map(async (file) => {
        const path = join(folder, file)
        const text = await readFile(path, 'utf8')
        return { name: file.slice(0, -'.yaml'.length), path, text, hold: readHold(text, path) }
      }),
  )
}

/** The hold of a name. Throws `usage` HOLD_UNKNOWN. */
export async function findHold(planFolder: string, name: string): Promise<HoldFile> {
  const holds = await listHolds(planFolder)
  const found = holds.find((each) => each.name === name)
  if (found !== undefined) return found
  const names = holds.map((each) => each.name)
  const near = nearestName(name, names)
  throw new LlmscaleError(
    'usage',
    'HOLD_UNKNOWN',
    `${join(planFolder, 'holds')} has no hold ${JSON.stringify(name)}; it has ${names.join(', ') || 'none'}`,
    near === undefined ? [] : [`--remove ${near}`],
  )
}

/** Writes a hold that is not there yet; gives its path. Throws `usage` HOLD_EXISTS, and OUTPUT_NOT_WRITABLE. */
export async function writeHold(planFolder: string, name: string, hold: Hold): Promise<string> {
  const folder = join(planFolder, 'holds')
  const path = join(folder, `${name}.yaml`)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, stringify(hold, { lineWidth: 0 }), { flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritable(path, cause)
    throw new LlmscaleError(
      'usage',
      'HOLD_EXISTS',
      `${path} exists already, and a hold is never overwritten`,
      ['Name another with --name, or look at this one: llmscale hold --list'],
    )
  }
  return path
}

/** Throws OUTPUT_NOT_WRITABLE. */
export async function removeHold({ path }: Pick<HoldFile, 'path'>): Promise<void> {
  await rm(path).catch((cause: unknown) => {
    throw notWritable(path, cause)
  })
}

/** `Ana Example <ana@example.org>`: who the commits of a folder are by; undefined where git does not know. */
export async function findAuthor(folder: string): Promise<string | undefined> {
  const git = createGit({ folder, place: folder })
  const setting = async (key: string) => {
    const { code, stdout } = await git.try(['config', '--get', key])
    return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
  }
  try {
    const [name, email] = [await setting('user.name'), await setting('user.email')]
    return name !== undefined && email !== undefined ? `${name} <${email}>` : (name ?? email)
  } catch (error) {
    if (error instanceof LlmscaleError && error.code === 'GIT_MISSING') return undefined
    throw error
  }
}

/** A hold as a file says it; undefined where it cannot be read: it still holds. */
export function readHold(text: string, path: string): Hold | undefined {
  try {
    return parseHold(text, path)
  } catch (error) {
    if (error instanceof LlmscaleError) return undefined
    throw error
  }
}
