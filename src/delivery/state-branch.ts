import { retry } from '../kit/retry.js'
import { withoutCredentials } from '../kit/secret-forms.js'
import { type Git, inRepository, withoutPassword } from './git.js'
import { type BranchChange, changeBranch, fetchBranch, type OwnBranch, storeFiles } from './git-branch.js'
import type { StateStore } from './state-store.js'

/**
 * Receipts and locks on a branch that has one commit a write and no other files: its history is the audit trail.
 * Two that write at the same time both come through, one after the other. For tokens see `inRepository`.
 *
 * Methods throw GIT_MISSING, GIT_FAILED and BRANCH_NOT_OURS.
 */
export function createBranchStore(remote: string, branch: string): StateStore {
  const target: OwnBranch = {
    remote,
    branch,
    mark: {
      name: '.llmscale-state',
      text: 'Receipts and locks written by llmscale. Do not add anything else, and do not merge it.\n',
    },
    holds: 'receipts and locks',
    keepsHistory: true,
  }
  const change = (make: (git: Git, tip: string | undefined) => Promise<BranchChange | undefined>) =>
    inRepository(remote, (git, signal) =>
      retry(() => changeBranch(git, target, (tip) => make(git, tip)), { signal }),
    )
  return {
    place: `${withoutCredentials(withoutPassword(remote))}#${branch}`,
    writesSparingly: true,
    read: (path) =>
      inRepository(remote, async (git) => {
        const tip = await fetchBranch(git, target)
        if (tip === undefined || !(await listBlobs(git, tip, path)).has(path)) return undefined
        return `${await git.run(['cat-file', 'blob', `${tip}:${path}`])}\n`
      }),
    list: (folder) =>
      inRepository(remote, async (git) => {
        const tip = await fetchBranch(git, target)
        return tip === undefined ? [] : [...(await listBlobs(git, tip, `${folder}/`)).keys()].sort()
      }),
    write: (path, text) =>
      change(async (git) => ({
        entries: await storeFiles(git, new Map([[path, text]])),
        message: `Write ${path}`,
      })),
    create: async (files) => {
      let taken: string[] = []
      await change(async (git, tip) => {
        const entries = await storeFiles(git, files)
        const there = await listBlobs(git, tip, ...files.keys())
        // A push whose answer was lost may have come through: then it is our own text that is there.
        taken = [...there].flatMap(([path, blob]) => (entries.includes(` ${blob}\t${path}\0`) ? [] : [path]))
        return taken.length > 0 ? undefined : { entries, message: `Create ${[...files.keys()].join(', ')}` }
      })
      return taken
    },
    remove: async (files) =>
      change(async (git, tip) => {
        const entries = await storeFiles(git, files)
        const there = await listBlobs(git, tip, ...files.keys())
        const ours = [...there].filter(([path, blob]) => entries.includes(` ${blob}\t${path}\0`))
        if (ours.length === 0) return undefined
        return {
          entries: ours.map(([path, blob]) => `0 ${'0'.repeat(blob.length)}\t${path}\0`).join(''),
          message: `Remove ${ours.map(([path]) => path).join(', ')}`,
        }
      }),
  }
}

/** Ids of contents by path, of these paths that are there; a path with a slash at its end is a folder. */
async function listBlobs(
  git: Git,
  tip: string | undefined,
  ...paths: string[]
): Promise<Map<string, string>> {
  if (tip === undefined) return new Map()
  const listed = await git.run(['ls-tree', '-r', '-z', tip, '--', ...paths])
  return new Map(
    listed
      .split('\0')
      .filter(Boolean)
      .map((line) => {
        const [about, path] = line.split('\t') as [string, string]
        return [path, about.split(' ')[2]!]
      }),
  )
}
