import type { BranchHost, GitHost } from '../delivery/git-host.js'
import { inGitOnlyHost } from '../delivery/git-only-host.js'
import { findGitHubAccess } from '../delivery/github-client.js'
import { openGitHubHost } from '../delivery/github-host.js'
import { findRemote } from '../delivery/open-state-store.js'

/** Works with GitHub, or with `origin` alone, and closes it. Throws GITHUB_NOT_SET, REMOTE_MISSING, and what they throw. */
export async function withBranchHost<T>(
  projectFolder: string,
  gitOnly: boolean,
  work: (host: BranchHost | GitHost) => Promise<T>,
): Promise<T> {
  return gitOnly ? inGitOnlyHost(projectFolder, work) : withGitHub(projectFolder, work)
}

/** Works with GitHub and closes it. Throws GITHUB_NOT_SET, and what GitHubClient throws. */
export async function withGitHub<T>(projectFolder: string, work: (host: GitHost) => Promise<T>): Promise<T> {
  const host = await openGitHubHost(await findGitHubAccess(await findRemote(projectFolder)))
  try {
    return await work(host)
  } finally {
    await host.close()
  }
}
