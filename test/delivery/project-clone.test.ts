import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cloneProject, type ProjectClone } from '../../src/delivery/project-clone.js'
import { serveRepository } from '../git-server.js'
import { testSecrets } from '../secrets.js'
import { commitTo, seededRepository } from './proposals.js'
import { git } from './state-places.js'

let repository: string
const clones: ProjectClone[] = []
beforeEach(() => {
  repository = seededRepository()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const { remove } of clones.splice(0)) await remove()
})

async function clone(from: string): Promise<ProjectClone> {
  const cloned = await cloneProject(from)
  clones.push(cloned)
  return cloned
}
const textIn = ({ folder }: ProjectClone, path: string) => readFileSync(join(folder, path), 'utf8')

describe('a clone of the reviewed branch', () => {
  it('has what is merged, and after a refresh what was merged since', async () => {
    const cloned = await clone(`git+file://${repository}#main`)
    expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 0\n')
    expect(existsSync(join(cloned.folder, 'forecasts/prod/holds/freeze.yaml'))).toBe(true)
    commitTo(repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 1\n' })
    commitTo(repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 2\n' })
    expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 0\n')
    await cloned.refresh()
    expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 1\n')
  })

  it('drops what the branch no longer has, also where its history was written anew', async () => {
    const cloned = await clone(`git+file://${repository}#main`)
    git(repository, 'update-ref', '-d', 'refs/heads/main')
    commitTo(repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 9\n' })
    await cloned.refresh()
    expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 9\n')
    expect(existsSync(join(cloned.folder, 'forecasts/prod/holds/freeze.yaml'))).toBe(false)
  })

  it('finds a project that is not at the top', async () => {
    commitTo(repository, 'main', { 'teams/llm/llmscale.yaml': 'environments: {}\n' })
    expect(textIn(await clone(`git+file://${repository}#main:teams/llm`), 'llmscale.yaml')).toContain('{}')
  })

  it('keeps its files where the remote is gone, says so, and leaves nothing behind', async () => {
    const cloned = await clone(`git+file://${repository}#main`)
    git(repository, 'update-ref', '-d', 'refs/heads/main')
    await expect(cloned.refresh()).rejects.toMatchObject({ code: 'GIT_FAILED' })
    expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 0\n')
    await cloned.remove()
    expect(existsSync(cloned.folder)).toBe(false)
  })

  it('takes the token from the environment, and neither stores nor shows it', async () => {
    const server = await serveRepository(repository, testSecrets.GITHUB_TOKEN)
    try {
      vi.stubEnv('GIT_SSL_CAINFO', server.certificate)
      vi.stubEnv('LLMSCALE_GIT_TOKEN', testSecrets.GITHUB_TOKEN)
      const cloned = await clone(`git+${server.url}#main`)
      expect(textIn(cloned, 'forecasts/prod/plan.yaml')).toBe('plan: 0\n')
      expect(textIn(cloned, '.git/config')).not.toContain(testSecrets.GITHUB_TOKEN)
      vi.stubEnv('LLMSCALE_GIT_TOKEN', 'wrong-token-wrong-token')
      const failure = await cloneProject(`git+${server.url}#main`).catch((error: Error) => error)
      expect(failure).toMatchObject({ code: 'GIT_FAILED' })
      expect((failure as Error).message).not.toContain('wrong-token')
    } finally {
      await server.close()
    }
  })

  it.each([
    'https://host/a.git#main',
    'git+https://host/a.git',
    'git+https://user:hunter2hunter2@host/a.git#main',
    'git+https://host/a.git#--upload-pack=x',
    'git+https://host/a.git#main:../other',
    'git+https://host/a.git#main:/etc',
    'git+https://host/a.git#a..b',
  ])('refuses %s', async (from) => {
    const failure = (await cloneProject(from).catch((error: Error) => error)) as Error
    expect(failure).toMatchObject({ reason: 'usage', code: 'REPOSITORY_INVALID' })
    expect(failure.message).not.toContain('hunter2')
  })
})
