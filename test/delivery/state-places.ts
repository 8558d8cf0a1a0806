import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { vi } from 'vitest'
import { createBranchStore } from '../../src/delivery/state-branch.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import { createFolderStore } from '../../src/delivery/state-folder.js'
import type { StateStore } from '../../src/delivery/state-store.js'
import { emptyFolder } from '../run-cli.js'
import { hasS3, s3Note, startS3 } from '../stand-in-s3.js'

export const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd()

/** A bare repository on disk, as a server would have it. */
export function bareRepository(): string {
  const folder = join(emptyFolder(), 'fleet.git')
  git('/', 'init', '--quiet', '--bare', '--initial-branch=main', folder)
  git(folder, 'config', 'uploadpack.allowFilter', 'true')
  return folder
}

interface StatePlace {
  name: string
  isThere: boolean
  /** Starts what the place needs; a call of what it gives opens the next empty store, twice. */
  start(): Promise<{ open(): Promise<[StateStore, StateStore]>; stop(): Promise<void> }>
}

const folderPlace: StatePlace = {
  name: 'a folder',
  isThere: true,
  start: async () => ({
    open: async () => {
      const folder = join(emptyFolder(), 'state')
      return [createFolderStore(folder), createFolderStore(folder)]
    },
    stop: async () => undefined,
  }),
}

const branchPlace: StatePlace = {
  name: 'a branch',
  isThere: true,
  start: async () => ({
    open: async () => {
      const remote = `file://${bareRepository()}`
      return [createBranchStore(remote, 'llmscale-state'), createBranchStore(remote, 'llmscale-state')]
    },
    stop: async () => undefined,
  }),
}

const bucketPlace: StatePlace = {
  name: `a bucket${s3Note}`,
  isThere: hasS3,
  start: async () => {
    const s3 = await startS3()
    for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value)
    let count = 0
    await fetch(`${s3.endpoint}/fleet-state`, {
      method: 'PUT',
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request' },
    })
    return {
      open: async () => {
        const url = `s3://fleet-state/try-${count++}`
        return [createBucketStore(url), createBucketStore(url)]
      },
      stop: async () => {
        vi.unstubAllEnvs()
        await s3.stop()
      },
    }
  },
}

export const statePlaces = [folderPlace, branchPlace, bucketPlace]
