import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { postDiff } from '../../src/delivery/post-diff.js'
import { formatInstant } from '../../src/kit/time.js'
import { descriptionsNote } from './github-descriptions.js'
import { commitTo, day, seededRepository } from './proposals.js'
import { type StandInHost, startGitHubHost } from './stand-in-github-host.js'

let gitHub: StandInHost
let template: string
beforeAll(async () => {
  gitHub = await startGitHubHost()
  template = seededRepository()
  commitTo(template, 'cheaper', { 'llmscale.yaml': 'environments: {}\n# cheaper\n' })
})
afterAll(() => gitHub.stop())
beforeEach(async () => {
  gitHub.reset(template)
  await withHost((host) =>
    host.createPullRequest({ branch: 'cheaper', base: 'main', title: 'Cheaper', body: '' }),
  )
  gitHub.exchanges = []
})
afterEach(() => expect(gitHub.violations).toEqual([]))

async function withHost<T>(work: (host: Awaited<ReturnType<typeof openGitHubHost>>) => Promise<T>) {
  const host = await openGitHubHost(gitHub.access, async () => undefined)
  try {
    return await work(host)
  } finally {
    await host.close()
  }
}

function bodyOf(text: string, validAt: number, environment = 'prod'): string {
  return `<!-- llmscale:diff env=${environment} valid-at=${formatInstant(validAt)} -->\n\n${text}\n`
}

const post = (text: string, validAt = day(11), change: { environment?: string; isEmpty?: boolean } = {}) => {
  const { environment = 'prod', isEmpty = false } = change
  const said = { environment, validAt, body: bodyOf(text, validAt, environment), isEmpty }
  return withHost((host) => postDiff(host, 1, said))
}
const bodies = () => gitHub.comments.map(({ body }) => body)

describe(`the comment on a pull request, on a stand-in for GitHub${descriptionsNote}`, () => {
  it('is written anew in place, and not at all where it says the same', async () => {
    expect(await post('max 40 → 48')).toBe('create')
    expect(await post('max 40  → 48\n', day(12))).toBe('unchanged')
    expect(bodies()).toEqual([bodyOf('max 40 → 48', day(11))])
    expect(await post('max 40 → 52', day(12))).toBe('update')
    expect(bodies()).toEqual([bodyOf('max 40 → 52', day(12))])
    expect(gitHub.writes().filter((line) => /comments/.test(line))).toEqual([
      'POST /repos/acme/fleet/issues/1/comments',
      'PATCH /repos/acme/fleet/issues/comments/1000',
    ])
  })

  it('is one for each environment', async () => {
    await post('prod')
    expect(await post('staging', day(11), { environment: 'staging' })).toBe('create')
    expect(await post('staging too', day(12), { environment: 'staging' })).toBe('update')
    expect(bodies()).toEqual([bodyOf('prod', day(11)), bodyOf('staging too', day(12), 'staging')])
  })

  it('is not there where nothing changes, and takes back what it said before', async () => {
    expect(await post('No change', day(11), { isEmpty: true })).toBe('quiet')
    expect(bodies()).toEqual([])
    await post('max 40 → 48', day(12))
    expect(await post('No change', day(13), { isEmpty: true })).toBe('update')
    expect(bodies()).toEqual([bodyOf('No change', day(13))])
  })

  it('never goes over one of a later run', async () => {
    await post('later', day(12))
    expect(await post('earlier', day(11))).toBe('newerExists')
    expect(bodies()).toEqual([bodyOf('later', day(12))])
  })

  it('is never one of another author, whatever key that has', async () => {
    const forged = bodyOf('all is well', day(19))
    gitHub.comments.push({ id: 900, number: 1, body: forged, login: 'eve' })
    expect(await post('max 40 → 48')).toBe('create')
    expect(await post('max 40 → 52', day(12))).toBe('update')
    expect(bodies()).toEqual([forged, bodyOf('max 40 → 52', day(12))])
  })

  it('is found behind hundreds of others', async () => {
    for (let id = 1; id <= 310; id++)
      gitHub.comments.push({ id, number: 1, body: `comment ${id}`, login: 'ada' })
    await post('max 40 → 48')
    expect(await post('max 40 → 52', day(12))).toBe('update')
    expect(gitHub.comments).toHaveLength(311)
  })

  it('that two runs made at once says the same twice, and never two things', async () => {
    await post('max 40 → 48')
    const [first] = gitHub.comments
    gitHub.comments.push({ ...first!, id: 1001, body: bodyOf('max 40 → 44', day(10)) })
    expect(await post('max 40 → 52', day(12))).toBe('update')
    expect(new Set(bodies())).toEqual(new Set([bodyOf('max 40 → 52', day(12))]))
    expect(await post('max 40 → 52', day(13))).toBe('unchanged')
  })

  it('is made once though the reply was lost', async () => {
    gitHub.faults.push({ on: /^POST .*comments$/, times: 1, does: 'cut after' })
    expect(await post('max 40 → 48')).toBe('create')
    expect(gitHub.comments).toHaveLength(1)
  })

  it('is refused with the permission that the token lacks', async () => {
    gitHub.faults.push({
      on: /^POST .*comments$/,
      times: 1,
      does: {
        status: 403,
        message: 'Resource not accessible by integration',
        headers: { 'x-accepted-github-permissions': 'issues=write; pull_requests=write' },
      },
    })
    await expect(post('max 40 → 48')).rejects.toMatchObject({
      code: 'GITHUB_PERMISSION_MISSING',
      message: expect.stringContaining('pull-requests: write'),
    })
  })
})
