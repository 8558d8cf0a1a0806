import { join } from 'node:path'
import { LlmscaleError } from '../kit/errors.js'
import { withoutCredentials } from '../kit/secret-forms.js'
import { createTemporaryFolder } from '../kit/temporary-folder.js'
import { createGit, findAccess, withoutPassword } from './git.js'
import { isRemote } from './publish.js'

/** A project as its reviewed branch has it, for a process that runs where nobody checked it out. */
export interface ProjectClone {
  /** Where llmscale.yaml and forecasts/ lie. */
  folder: string
  /** Brings the files to where the branch is now. Throws GIT_FAILED; the files are then those of before. */
  refresh(): Promise<void>
  /** The clone is gone. */
  remove(): Promise<void>
}

const gitUrl = /^git\+((?:https|ssh|file):\/\/[^#\s]+)#(\w[\w./-]*)(?::(\w[\w./-]*))?$/
/** What git takes in no branch, and we in no path (git-check-ref-format). */
const badName = /\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/

/**
 * Clones the tip of a branch into a temporary folder. For tokens see `findAccess`.
 * Throws `usage` REPOSITORY_INVALID, and `upstreamUnavailable` GIT_MISSING and GIT_FAILED.
 * @param from `git+https://host/owner/repo.git#branch`, with `:folder` where the project is not at its top
 */
export async function cloneProject(from: string): Promise<ProjectClone> {
  const { remote, branch, path } = parseProject(from)
  const clone = createTemporaryFolder('project')
  const git = createGit({ folder: clone.path, place: withoutPassword(remote), access: findAccess(remote) })
  const tracked = `refs/remotes/origin/${branch}`
  const refresh = async () => {
    await git.run([
      'fetch',
      '--quiet',
      '--no-tags',
      '--depth=1',
      'origin',
      `+refs/heads/${branch}:${tracked}`,
    ])
    await git.run(['checkout', '--quiet', '--force', '--detach', tracked])
  }
  try {
    await git.run(['init', '--quiet', '--template=', '.'])
    await git.run(['remote', 'add', 'origin', withoutPassword(remote)])
    await refresh()
  } catch (error) {
    await clone.remove()
    throw error
  }
  return { folder: join(clone.path, path), refresh, remove: clone.remove }
}

function parseProject(from: string): { remote: string; branch: string; path: string } {
  const [, remote, branch, path = ''] = gitUrl.exec(from) ?? []
  if (remote !== undefined && isRemote(remote) && !badName.test(branch!) && !badName.test(path))
    return { remote, branch: branch!, path }
  throw new LlmscaleError(
    'usage',
    'REPOSITORY_INVALID',
    `--from ${JSON.stringify(withoutCredentials(from))} is not git+https://host/owner/repo.git#branch (also git+ssh, ` +
      'git+file), with :folder where llmscale.yaml is not at the top, and without credentials in it',
    ['Put the token into LLMSCALE_GIT_TOKEN.'],
  )
}
