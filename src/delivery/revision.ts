import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { LlmscaleError } from '../kit/errors.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { createGit } from './git.js'
import { planFolder, readPlan, readPlanIfAny } from './plan-folder.js'
import { hasPlan, isPlanFolder, readPlanAt, requireCommit } from './plan-history.js'

/** Files of a project as they are or were: in the work tree, at a commit, or a folder that has a plan and no more. */
export interface Revision {
  /** For people: `the work tree`, `origin/main (0123456789)`, a folder. */
  place: string
  /** Undefined where it has no plan of that environment. Throws as `parsePlan` does. */
  readPlan(environment: string): Promise<CapacityPlan | undefined>
  /**
   * Text of a file by its path from the project's folder, undefined where it is not there; absent for a folder that has
   * nothing but a plan.
   */
  readText?(path: string): Promise<string | undefined>
  /** A file of it as messages name it. */
  nameFile(path: string): string
}

/** A project's files as they are now. */
export function workTree(projectFolder: string): Revision {
  return {
    place: 'the work tree',
    nameFile: (path) => relative('', join(projectFolder, path)),
    readPlan: (environment) => readPlanIfAny(join(projectFolder, planFolder(environment))),
    readText: (path) =>
      readFile(join(projectFolder, path), 'utf8').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined
        throw new LlmscaleError(
          'configInvalid',
          'CONFIG_UNREADABLE',
          `${path} cannot be read: ${cause.message}`,
        )
      }),
  }
}

/**
 * What a name stands for: a folder with a plan.yaml, else a commit, branch or tag of the project's repository.
 * Throws `usage` PLAN_UNKNOWN, GIT_MISSING and GIT_FAILED.
 */
export async function openRevision(projectFolder: string, name: string): Promise<Revision> {
  if (await isPlanFolder(name)) return folderOf(name)
  const git = createGit({ folder: projectFolder, place: projectFolder })
  const commit = await requireCommit(git, projectFolder, name, name)
  return {
    place: `${name} (${commit.slice(0, 10)})`,
    nameFile: (path) => `${name}:${path}`,
    readPlan: async (environment) => {
      const folder = planFolder(environment)
      if (!(await hasPlan(git, commit, folder))) return undefined
      return (await readPlanAt(git, projectFolder, commit, folder)).plan
    },
    readText: async (path) => {
      const { code, stdout } = await git.try(['cat-file', 'blob', `${commit}:./${path}`])
      return code === 0 ? stdout : undefined
    },
  }
}

function folderOf(folder: string): Revision {
  return { place: folder, nameFile: (path) => join(folder, path), readPlan: () => readPlan(folder) }
}
