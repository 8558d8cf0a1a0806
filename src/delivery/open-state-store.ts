import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from '../config/environment.js'
import { LlmscaleError } from '../kit/errors.js'
import { createGit } from './git.js'
import { isRemote } from './publish.js'
import { createBranchStore } from './state-branch.js'
import { createBucketStore } from './state-bucket.js'
import { createFolderStore } from './state-folder.js'
import { type StateStore, stateUrlWrong } from './state-store.js'

const stateBranch = 'llmscale-state'

/**
 * Where the receipts and locks of an environment are: the place that `state` names, else beside the backend. With a
 * local backend that is `.llmscale/state/` beside llmscale.yaml, with S3 `llmscale-state/` below its prefix, and with
 * any other the branch `llmscale-state` of the project's `origin`.
 *
 * Throws `configInvalid` STATE_URL_WRONG and STATE_PLACE_MISSING, and GIT_MISSING.
 */
export async function openStateStore(
  { state, backend }: Pick<Environment, 'state' | 'backend'>,
  projectFolder: string,
): Promise<StateStore> {
  if (state !== undefined) return openPlace(state)
  if (backend === undefined || backend.startsWith('file://'))
    return createFolderStore(join(projectFolder, '.llmscale', 'state'))
  if (backend.startsWith('s3://')) return createBucketStore(backend, stateBranch)
  const remote = await findRemote(projectFolder)
  if (remote !== undefined) return createBranchStore(remote, stateBranch)
  throw new LlmscaleError(
    'configInvalid',
    'STATE_PLACE_MISSING',
    `receipts and locks have no place: ${projectFolder} is in no git repository with a remote named origin`,
    ['Add the remote, or set environments.<env>.state in llmscale.yaml, e.g. s3://bucket/prefix.'],
  )
}

function openPlace(state: string): StateStore {
  if (state.startsWith('s3://')) return createBucketStore(state)
  const [, remote, branch = stateBranch] = /^git\+([^#]+)(?:#(\w[\w./-]*))?$/.exec(state) ?? []
  if (remote === undefined || !/^(https|ssh|file):/.test(remote) || !isRemote(remote))
    throw stateUrlWrong(state)
  return createBranchStore(remote, branch)
}

/** URL of `origin`; a path in it is one from the top of the work tree. */
export async function findRemote(projectFolder: string): Promise<string | undefined> {
  const git = createGit({ folder: projectFolder, place: projectFolder })
  const { code, stdout: remote } = await git.try(['remote', 'get-url', 'origin'])
  if (code !== 0) return undefined
  if (/^[^/]*:/.test(remote) || isAbsolute(remote)) return remote
  return resolve(await git.run(['rev-parse', '--show-toplevel']), remote)
}
