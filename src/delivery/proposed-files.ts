import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reviewedChangesFile } from '../planning/reviewed-changes.js'
import { createGit } from './git.js'

/** The files of a plan folder that tools write and people review, by their paths in it; holds are people's. */
export async function readProposedFiles(planFolder: string): Promise<Map<string, string>> {
  const listed = await readdir(planFolder, { recursive: true })
  const paths = listed.filter(isProposed).sort()
  const texts = await Promise.all(paths.map((path) => readFile(join(planFolder, path), 'utf8')))
  return new Map(paths.map((path, index) => [path, texts[index]!]))
}

/** Whether a path within a plan folder is one that tools write. */
export function isProposed(path: string): boolean {
  return (
    path === 'plan.yaml' ||
    path === reviewedChangesFile ||
    /^(workloads\/[\w.-]+\.yaml|charts\/[\w.-]+\.svg)$/.test(path)
  )
}

/** A folder's path from the top of its repository. Throws GIT_FAILED where it is in none. */
export async function pathFromTop(folder: string): Promise<string> {
  const git = createGit({ folder, place: folder })
  return (await git.run(['rev-parse', '--show-prefix'])).replace(/\/$/, '')
}
