import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GitHubAccess } from '../../src/delivery/github-client.js'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { proposeChange } from '../../src/delivery/propose-change.js'
import { emulatorModule } from './github-descriptions.js'
import { day, makeProposal } from './proposals.js'

const token = 'test_token_admin'
const repository = '/repos/octocat/fleet'
const note = emulatorModule === undefined ? ' (not run: node tools/stand-ins/github-api.mjs)' : ''

/**
 * An emulator that others wrote, as a second opinion on our own stand-in. It has no GraphQL: moves of branches are
 * answered here, by its REST API. It lets a second pull request of a branch be opened and takes any token, so neither
 * is tried on it.
 */
describe.skipIf(emulatorModule === undefined)(`a proposal, on an emulator of GitHub${note}`, () => {
  let stop: () => Promise<void>
  let access: GitHubAccess
  let base: string
  let writes: string[] = []

  beforeAll(async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    await new Promise((done) => free.close(done))
    const { createEmulator } = await import(emulatorModule!)
    const repos = [{ owner: 'octocat', name: 'fleet', auto_init: true, default_branch: 'main' }]
    const github = { users: [{ login: 'octocat' }, { login: 'bob' }], repos }
    const seed = { tokens: { [token]: { login: 'octocat', scopes: ['repo'] } }, github }
    const emulator = await createEmulator({ service: 'github', port, seed })

    const ask = async (method: string, path: string, body?: unknown) => {
      const headers = { authorization: `token ${token}`, 'content-type': 'application/json' }
      const answer = await fetch(emulator.url + path, {
        method,
        headers,
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return { status: answer.status, text: await answer.text() }
    }
    const headOf = async (branch: string) =>
      JSON.parse((await ask('GET', `${repository}/git/ref/heads/${branch}`)).text).object.sha as string
    const moveBranch = async ({ name, before, after }: Record<string, string>) => {
      const branch = name!.replace('refs/heads/', '')
      if ((await headOf(branch)) !== before) return { errors: [{ type: 'UNPROCESSABLE', message: 'moved' }] }
      await ask('PATCH', `${repository}/git/refs/heads/${branch}`, { sha: after, force: true })
      return { data: { updateRefs: { clientMutationId: null } } }
    }
    const front = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      if (request.method !== 'GET') writes.push(`${request.method} ${request.url}`)
      const answer =
        request.url === '/graphql'
          ? { status: 200, text: JSON.stringify(await moveBranch(JSON.parse(text).variables)) }
          : await ask(request.method!, request.url!, text === '' ? undefined : text)
      response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' })
      response.end(answer.text)
    }).listen(0, '127.0.0.1')
    await once(front, 'listening')

    const content = Buffer.from('plan: 0\n').toString('base64')
    await ask('PUT', `${repository}/contents/forecasts/prod/plan.yaml`, { message: 'seed', content })
    base = await headOf('main')
    const apiUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
    access = { repository: 'octocat/fleet', apiUrl, identity: { token } }
    stop = async () => {
      front.closeAllConnections()
      await new Promise((done) => front.close(done))
      await emulator.close()
    }
  })
  afterAll(() => stop())

  it('is created, left alone and refreshed', async () => {
    const propose = async (number: number) => {
      writes = []
      const host = await openGitHubHost(access, async () => undefined)
      try {
        const outcome = await proposeChange(host, makeProposal(number, base), day(19), async () => undefined)
        const [pull] = await host.pullRequestsFrom('llmscale/prod')
        const branch = await host.readBranch('llmscale/prod')
        const paths = [...(await host.filesAt(branch!.id, 'forecasts')).keys()]
        return { outcome, pull, branch, paths }
      } finally {
        await host.close()
      }
    }
    const first = await propose(1)
    expect(first.outcome).toMatchObject({ action: 'create', warnings: [], pullRequest: { number: 1 } })
    expect(first.pull).toMatchObject({ labels: ['llmscale', 'capacity'], head: first.branch!.id })
    expect(first.paths).toEqual([
      'forecasts/prod/changes.json',
      'forecasts/prod/charts/chat.us-east-1.svg',
      'forecasts/prod/plan.yaml',
      'forecasts/prod/workloads/chat.us-east-1.yaml',
    ])
    expect((await propose(1)).outcome.action).toBe('unchanged')
    expect(writes).toEqual([])
    const next = await propose(2)
    expect(next.outcome.action).toBe('refresh')
    expect(next.branch!.parents).toEqual([base])
    expect(next.pull).toMatchObject({
      number: 1,
      title: 'Raise chat to 2',
      body: makeProposal(2, base).body,
    })
  })
})
