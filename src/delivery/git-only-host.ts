import { LlmscaleError } from '../kit/errors.js'
import { withoutCredentials } from '../kit/secret-forms.js'
import { type Git, inRepository, withoutPassword } from './git.js'
import { pushCommit } from './git-branch.js'
import type { BranchHost, BranchWrite, HostCommit } from './git-host.js'
import { findRemote } from './open-state-store.js'

/**
 * Any server of git, as the remote `origin` of a project. All is done in a repository of its own: the project's work
 * tree, index and HEAD are neither read nor touched, in whatever state they are. For tokens see `inRepository`.
 *
 * Throws `usage` REMOTE_MISSING, and GIT_MISSING and GIT_FAILED, as the host's methods do.
 */
export async function inGitOnlyHost<T>(
  projectFolder: string,
  work: (host: BranchHost) => Promise<T>,
): Promise<T> {
  const remote = await findRemote(projectFolder)
  if (remote === undefined)
    throw new LlmscaleError(
      'usage',
      'REMOTE_MISSING',
      `${projectFolder} is in no git repository with a remote named origin: there is nowhere to push a branch to`,
      ['git remote add origin https://host/owner/repository.git'],
    )
  return inRepository(remote, async (git) => {
    const head = /^ref: refs\/heads\/(\S+)\tHEAD/.exec(
      await git.run(['ls-remote', '--symref', 'origin', 'HEAD']),
    )
    return work(createHost(git, withoutCredentials(withoutPassword(remote)), head?.[1] ?? 'main'))
  })
}

function createHost(git: Git, place: string, defaultBranch: string): BranchHost {
  return {
    place,
    defaultBranch,
    readBranch: async (name) => {
      const line = await git.run(['ls-remote', 'origin', `refs/heads/${name}`])
      return line === '' ? undefined : readCommit(git, line.split('\t')[0]!)
    },
    readCommit: (id) => readCommit(git, id),
    compare: async (from, to) => {
      const whole = ['--depth=2147483647', '--filter=blob:none']
      await git.run(['fetch', '--quiet', '--no-tags', ...whole, 'origin', from, to])
      const { code } = await git.try(['merge-base', '--is-ancestor', from, to])
      const listed = await git.run(['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to])
      return { isAhead: code === 0, paths: listed.split('\0').filter(Boolean) }
    },
    filesAt: async (commit, path) => {
      await fetchCommit(git, commit)
      const listed = await git.run(['ls-tree', '-r', '-z', '--full-tree', commit, '--', path])
      const lines = listed.split('\0').filter(Boolean)
      return new Map(
        lines.map((line) => {
          const [about, file] = line.split('\t') as [string, string]
          return [file, about.split(' ')[2]!]
        }),
      )
    },
    readText: (id) => git.run(['cat-file', 'blob', id]),
    writeBranch: (write) => writeBranch(git, write),
    close: async () => undefined,
  }
}

async function readCommit(git: Git, id: string): Promise<HostCommit> {
  await fetchCommit(git, id)
  // A commit at the edge of what was fetched has parents that git does not show.
  const raw = await git.run(['cat-file', 'commit', id])
  const [head = '', ...message] = raw.split('\n\n')
  const values = (name: string) =>
    [...head.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, text]) => text!)
  return {
    id,
    tree: values('tree')[0]!,
    parents: values('parent'),
    message: message.join('\n\n'),
    author: values('author')[0]?.replace(/ <.*$/, '') ?? 'somebody',
  }
}

/** Its trees alone: contents are fetched when they are read. */
async function fetchCommit(git: Git, commit: string): Promise<void> {
  if ((await git.try(['rev-parse', '--verify', '--quiet', `${commit}^{tree}`])).code === 0) return
  await git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--filter=blob:none', 'origin', commit])
}

async function writeBranch(
  git: Git,
  { branch, base, files, describe, expected }: BranchWrite,
): Promise<string> {
  await fetchCommit(git, base)
  await git.run(['read-tree', base])
  const none = '0'.repeat(base.length)
  let entries = ''
  for (const [path, content] of files) {
    const blob = content === null ? none : await git.run(['hash-object', '-w', '--stdin'], content)
    entries += `${content === null ? '0' : '100644'} ${blob}\t${path}\0`
  }
  await git.run(['update-index', '-z', '--index-info'], entries)
  const tree = await git.run(['write-tree', '--missing-ok'])
  const commit = await git.run(['commit-tree', tree, '-p', base], describe(tree))
  await pushCommit(git, branch, commit, expected)
  return commit
}
