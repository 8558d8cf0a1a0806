import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/pr.js'
import { createReceiptId, openReceipt } from '../../src/delivery/receipt.js'
import { createFolderStore } from '../../src/delivery/state-folder.js'
import { parseInstant } from '../../src/kit/time.js'
import { descriptionsNote } from '../delivery/github-descriptions.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { capacityPlan } from '../plan-fixture.js'
import { projectFolder } from '../project-fixture.js'
import { runCommand } from '../run-command.js'

const plan = capacityPlan()
const now = parseInstant('2026-11-03T08:00:00Z')!
const workflow = {
  GITHUB_ACTOR: 'ada',
  GITHUB_SERVER_URL: 'https://github.example',
  GITHUB_RUN_ID: '7',
}
const runUrl = 'https://github.example/acme/fleet/actions/runs'

let gitHub: StandInHost
let cwd: string
beforeAll(async () => {
  gitHub = await startGitHubHost()
})
afterAll(() => gitHub.stop())

const token = () => (gitHub.access.identity as { token: string }).token
const ana = ['-c', 'user.name=ana', '-c', 'user.email=ana@acme.example']

/** A checkout of main, to which a pull request with a plan was merged. */
beforeEach(async () => {
  gitHub.reset()
  cwd = projectFolder(plan)
  writeFileSync(join(cwd, '.gitignore'), '.llmscale/\n')
  git(cwd, 'init', '--quiet', '--initial-branch=main')
  git(cwd, ...ana, 'commit', '--quiet', '--allow-empty', '-m', 'first')
  git(cwd, 'remote', 'add', 'origin', `file://${gitHub.repository}`)
  git(cwd, 'push', '--quiet', 'origin', 'main')
  git(cwd, 'add', '--all')
  git(cwd, ...ana, 'commit', '--quiet', '-m', 'plan')
  git(cwd, 'push', '--quiet', 'origin', 'HEAD:llmscale/prod')
  await fetch(`${gitHub.access.apiUrl}/repos/acme/fleet/pulls`, {
    method: 'POST',
    headers: { authorization: `token ${token()}` },
    body: JSON.stringify({ title: 'Raise chat', body: '', head: 'llmscale/prod', base: 'main' }),
  })
  gitHub.squash(1)
  git(cwd, 'fetch', '--quiet', 'origin')
  git(cwd, 'checkout', '--quiet', '--detach', 'origin/main')
})

async function tell(args: string[] = [], env: NodeJS.ProcessEnv = {}, asOf = '2026-11-03T08:30:00Z') {
  const { code, stdout, stderr } = await runCommand(['pr', '--receipt', '--as-of', asOf, '--json', ...args], {
    cwd,
    env: {
      GITHUB_TOKEN: token(),
      GITHUB_REPOSITORY: 'acme/fleet',
      GITHUB_API_URL: gitHub.access.apiUrl,
      ...workflow,
      ...env,
    },
  })
  expect(gitHub.violations).toEqual([])
  const { result, error } = JSON.parse(stdout)
  return { code, error, stderr, ...(result && Result.parse(result)) } as Record<string, unknown>
}

/** A run of an apply that came to an end. */
async function apply(state: 'done' | 'failed', run = '7') {
  const id = createReceiptId(now)
  const receipt = await openReceipt(createFolderStore(join(cwd, '.llmscale/state')), {
    id,
    environment: 'prod',
    planId: plan.planId,
    fileDigest: plan.header.fileDigest,
    by: `ada (${runUrl}/${run})`,
    host: 'runner',
    pid: 1,
    startedAt: '2026-11-03T08:00:00Z',
    toolVersion: '0.1.0',
    verdicts: [],
    steps: [
      {
        stack: 'prod.us-east-1.serving',
        step: 'serving',
        state,
        changed: { create: 2 },
        outputDigest: null,
        error: state === 'failed' ? `no access with password=${token()}` : null,
      },
    ],
  })
  await receipt.finish(state, now + 300)
  return id
}

const comments = () => gitHub.comments.map(({ number, body }) => [number, body])

describe(`llmscale pr --receipt, on a stand-in for GitHub${descriptionsNote}`, { timeout: 120_000 }, () => {
  it('tells the merged pull request once, whatever runs again', async () => {
    const id = await apply('done')
    const first = await tell()
    expect(first).toMatchObject({ code: 0, receipt: id, told: [{ number: 1 }] })
    expect(comments()).toEqual([[1, `<!-- llmscale:receipt prod ${id} -->\n${first['body']}`]])
    expect(first['body']).toContain(
      `**Applied plan \`${plan.planId.slice(0, 12)}\` to \`prod\`**: 2 created.`,
    )
    expect(first['body']).toContain(`By \`ada\` ([run](${runUrl}/7)), from 2026-11-03T08:00:00Z`)
    await tell()
    expect(gitHub.comments).toHaveLength(1)
  })

  it('tells of a failure without a secret in it', async () => {
    await apply('failed')
    const { body } = await tell()
    expect(body).toMatch(/\*\*The apply of plan .* failed\*\*/)
    expect(body).toContain('no access with')
    expect(JSON.stringify(gitHub.comments)).not.toContain(token())
  })

  it('says that an apply of this run did not begin, and why', async () => {
    await apply('done', '6')
    expect(await tell([], {}, '2026-12-24T00:00:00Z')).toMatchObject({ code: 0, receipt: null })
    expect(comments()).toEqual([[1, expect.stringContaining('did not begin**: nothing was changed')]])
    expect(comments()[0]![1]).toMatch(/^- expiry \*\*refused\*\*: .*2026-11-08/m)
    await tell([], {}, '2026-12-24T00:00:00Z')
    expect(gitHub.comments).toHaveLength(1)
  })

  it('prints in a dry run, and says where no pull request brought the commit', async () => {
    await apply('done')
    expect(await tell(['--dry-run'])).toMatchObject({ code: 0, told: null })
    git(cwd, ...ana, 'commit', '--quiet', '--allow-empty', '-m', 'mine')
    expect(await tell()).toMatchObject({ code: 0, told: [] })
    expect(gitHub.comments).toEqual([])
    const killed = await tell([], { LLMSCALE_KILL_SWITCH: '1' })
    expect(killed['code']).toBe(9)
  })
})
