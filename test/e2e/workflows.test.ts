import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { formatPermissions, githubPermissions } from '../../src/delivery/github-permissions.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerHour } from '../../src/kit/units.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { bareRepository, git } from '../delivery/state-places.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { emptyFolder, programArgs } from '../run-cli.js'
import { testSecrets } from '../secrets.js'
import {
  evaluate,
  type Job,
  type JobRun,
  readYaml,
  runWorkflow,
  type Step,
  type Workflow,
} from '../stand-in-runner.js'
import { hasS3, type StandInS3, s3Note, startS3 } from '../stand-in-s3.js'

const root = resolve(import.meta.dirname, '../..')
const workflowFiles = readdirSync(join(root, '.github/workflows'))
const actionFiles = ['action.yml', 'heartbeat/action.yml']
const workflowOf = (file: string) => readYaml<Workflow>(join(root, '.github/workflows', file))
const textOf = (path: string) => readFileSync(join(root, '.github', path), 'utf8')
const scheduled = workflowFiles.filter((file) => 'schedule' in workflowOf(file).on)

/** Commits of actions that somebody has looked up in the actions' own repositories. */
const pins = [
  'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1',
  'actions/setup-node@820762786026740c76f36085b0efc47a31fe5020 # v7.0.0',
  'actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3 # v3.1.1',
  'aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3',
]

describe.each(workflowFiles)('%s', (file) => {
  const workflow = workflowOf(file)
  const jobs = Object.entries(workflow.jobs)
  const steps = jobs.flatMap(([, job]) => job.steps)

  it('can be started by hand, and never with the rights of the base on code of a fork', () => {
    expect(Object.keys(workflow.on)).toContain('workflow_dispatch')
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target')
    expect(Object.keys(workflow.on)).not.toContain('workflow_run')
    expect(textOf(`workflows/${file}`)).not.toContain('allow-unsafe-pr-checkout')
  })

  it('gives each job its own rights and a time limit', () => {
    expect(workflow.permissions).toEqual({})
    for (const [name, job] of jobs) {
      const needsCode = job.steps.some(({ uses }) => uses !== undefined)
      expect(job.permissions, name).toEqual(
        needsCode ? expect.objectContaining({ contents: expect.any(String) }) : {},
      )
      expect(job['timeout-minutes'], name).toBeGreaterThan(0)
    }
  })

  it('leaves no token in the checkout', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))
    expect(checkouts.length).toBeGreaterThan(0)
    for (const { with: inputs } of checkouts) expect(inputs).toMatchObject({ 'persist-credentials': false })
  })

  it('gives a shell no text of others but by its environment', () => {
    expect(steps.flatMap(({ run = '' }) => /\$\{\{/.exec(run) ?? [])).toEqual([])
  })
})

describe('the workflows and actions', () => {
  const files = [...workflowFiles.map((file) => `workflows/${file}`), ...actionFiles]

  it('use actions at known commits only', () => {
    const used = files.flatMap((file) =>
      [...textOf(file).matchAll(/uses: (?!\.\/)(.*)/g)].map(([, action]) => action!),
    )
    expect(used.length).toBeGreaterThan(10)
    expect(used.filter((action) => !pins.includes(action))).toEqual([])
  })

  it('install without the scripts of packages', () => {
    const installs = files.flatMap((file) =>
      [...textOf(file).matchAll(/npm (?:ci|install).*/g)].map(([line]) => line),
    )
    expect(installs).toHaveLength(2)
    for (const line of installs) expect(line).toContain('--ignore-scripts')
  })

  it('run off the hour, a file each, and watch each other', () => {
    expect(scheduled).toEqual(['dashboard.yml', 'plan.yml', 'verify.yml'])
    const watched = scheduled.flatMap((file) => {
      const { schedule } = workflowOf(file).on as { schedule: { cron: string }[] }
      expect(schedule.map(({ cron }) => cron).join()).toMatch(/^(?!0 |30 )\d+ \d+ \* \* \*$/)
      return stepsOf(workflowOf(file)).flatMap(({ uses, with: inputs }) =>
        uses === './.github/heartbeat' ? (inputs!['workflows'] as string).split(' ') : [],
      )
    })
    expect(watched.sort()).toEqual(scheduled)
  })

  it('apply one plan of an environment at a time, in the GitHub environment of its name, and end none', () => {
    expect(workflowOf('apply.yml').jobs['apply']).toMatchObject({
      environment: expression('matrix.environment'),
      concurrency: {
        group: `llmscale-apply-${expression('matrix.environment')}`,
        'cancel-in-progress': false,
      },
    })
  })

  it('give the role that writes to apply alone, and tokens of AWS to jobs that take a role', () => {
    const jobs = workflowFiles.flatMap((file) =>
      Object.entries(workflowOf(file).jobs).map(([name, job]) => ({ name: `${file} ${name}`, job })),
    )
    const roleOf = ({ steps }: Job) => steps.flatMap(({ with: inputs }) => inputs?.['role'] ?? []).join()
    for (const { name, job } of jobs) {
      const role = roleOf(job)
      expect(job.permissions!['id-token'] === 'write', name).toBe(role !== '')
      expect(role.includes('APPLY'), name).toBe(name === 'apply.yml apply')
    }
  })
})

describe('permissions', () => {
  const jobsThatAsk = workflowFiles
    .filter((file) => file !== 'ci.yml')
    .flatMap((file) =>
      Object.entries(workflowOf(file).jobs).map(([name, job]) => ({ name: `${file} ${name}`, job })),
    )

  it('are what the features of a job need, and no more', () => {
    for (const { name, job } of jobsThatAsk) {
      const features = githubPermissions.filter((feature) => feature.job === name)
      if (features.length === 0) expect([{}, { contents: 'read' }], name).toContainEqual(job.permissions)
      else expect(job.permissions, name).toEqual(unite(features.map(({ token }) => token)))
      expect(
        features.some(({ role }) => role !== null),
        name,
      ).toBe(job.permissions!['id-token'] === 'write')
    }
    const names = jobsThatAsk.map(({ name }) => name)
    expect(githubPermissions.filter(({ job }) => !names.includes(job))).toEqual([])
  })

  it('are in the documentation', () => {
    const text = readFileSync(join(root, 'docs/github.md'), 'utf8')
    const rows = githubPermissions.map(({ feature, job, token, role }) => {
      const [file, name] = job.split(' ')
      return `| ${feature} | \`${file}\`, ${name} | ${formatPermissions(token)} | ${role ?? ''} |`
    })
    expect(text).toContain(`| --- | --- | --- | --- |\n${rows.join('\n')}\n\n`)
  })
})

/** Write includes read. */
function unite(tokens: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const united: Record<string, string> = {}
  for (const token of tokens)
    for (const [name, level] of Object.entries(token)) if (united[name] !== 'write') united[name] = level
  return united
}

const expression = (text: string) => `\${{ ${text} }}`
const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps }) => steps)

describe('the stand-in for the runner', () => {
  const contexts = { a: { 'b-c': 'x', no: '' }, failed: true }
  it.each([
    ["a.b-c == 'x' && 'yes' || 'no'", 'yes'],
    ["a.missing.deep || 'it''s'", "it's"],
    ["a.missing != ''", false],
    ["contains(a.b-c, 'x') && failure()", true],
    ['fromJSON(\'["1"]\')', ['1']],
  ])('knows what %s is', (expression, value) => {
    expect(evaluate(expression, contexts)).toEqual(value)
  })
})

const config = (backend: string) => `environments:
  prod:
    regions: [us-east-1]
    approval: git
    backend: "${backend}"
    budget: { usdPerDay: 50000 }
    nodes: { nodeClass: gpu }
metrics: { files: [demand.csv] }
shapes: [{ instanceType: p5.48xlarge, gpusPerReplica: 1 }]
workloads:
  - model: llama-3.1-8b
    target: { kind: Deployment, name: chat }
    slo: { ttftP95: 2s, itlP95: 50ms }
trigger: { serverAddress: 'http://prometheus:9090', query: 'sum(vllm:num_requests_running{model_name="{model}"})' }
`

/** Two weeks up to the last full hour, a wave a day. */
function recentDemand(): string {
  const hours = 14 * 24
  const end = Math.floor(Date.now() / 1000 / secondsPerHour) * secondsPerHour
  const rows = Array.from({ length: hours }, (_, hour) => {
    const wave = 1 + 0.8 * Math.sin((2 * Math.PI * hour) / 24) + 0.05 * Math.sin(hour * hour)
    const count = Math.round(20_000 * wave)
    const time = formatInstant(end - (hours - hour) * secondsPerHour)
    return `${time},llama-3.1-8b,us-east-1,${count},${count * 800},${count * 200}`
  })
  return `${['timestamp,model,region,requests,input_tokens,output_tokens', ...rows].join('\n')}\n`
}

/** Programs of a runner that would ask the network: stand-ins that say on `calls` what they were asked. */
function standInTools(calls: string): string {
  const bin = emptyFolder()
  const tool = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/usr/bin/env bash\necho "${name} $*" >> '${calls}'\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const program = [process.execPath, ...programArgs].map((word) => `'${word}'`).join(' ')
  tool(
    'npm',
    `[ -f package-lock.json ] || { echo 'no package-lock.json'; exit 1; }
     mkdir -p node_modules/.bin && ln -s '${root}' node_modules/llmscale
     printf '#!/bin/sh\\nexec ${program.replaceAll("'", "'\\''")} "$@"\\n' > node_modules/.bin/llmscale
     chmod +x node_modules/.bin/llmscale`,
  )
  tool('aws', '')
  tool('curl', 'echo "no network: $*"; exit 7')
  // The first word after `api` is the path; STAND_IN_WORKFLOWS has a line `<file> <state> <last run>` each.
  tool(
    'gh',
    `read -r _ state last <<< "$(grep "^$(basename "\${2%/runs*}") " <<< "$STAND_IN_WORKFLOWS")"
     case "$2" in */runs*) echo "$last";; *) echo "$state";; esac`,
  )
  return bin
}

const missing = engineFolder === undefined || !hasS3

describe.skipIf(missing)(`the workflows in a repository${engineNote}${s3Note}`, { timeout: 600_000 }, () => {
  let s3: StandInS3
  let calls: string
  let tools: string
  let repository: string
  let github: StandInHost
  let store: ReturnType<typeof createBucketStore>
  let cloud: string
  /** The bot's commit. */
  let proposed: string
  const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`
  const workflows = 'plan.yml active\nverify.yml active\ndashboard.yml active'

  beforeAll(async () => {
    s3 = await startS3()
    calls = join(emptyFolder(), 'calls')
    tools = standInTools(calls)
    cloud = emptyFolder()
    const authorization = 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request'
    await fetch(`${s3.endpoint}/fleet`, { method: 'PUT', headers: { authorization } })
    const backend = `s3://fleet/pulumi?region=us-east-1&endpoint=${s3.endpoint}&s3ForcePathStyle=true`
    Object.assign(process.env, s3.environment)
    store = createBucketStore(backend, 'llmscale-state')
    github = await startGitHubHost()
    github.reset()
    repository = github.repository
    commit('main', (folder) => {
      cpSync(join(root, '.github'), join(folder, '.github'), { recursive: true })
      writeFileSync(join(folder, 'llmscale.yaml'), config(backend))
      writeFileSync(join(folder, 'demand.csv'), recentDemand())
      writeFileSync(join(folder, 'package-lock.json'), '{}')
      writeFileSync(join(folder, '.gitignore'), '.llmscale/\nnode_modules/\n')
    })
  })
  afterAll(async () => {
    for (const name of Object.keys(s3.environment)) delete process.env[name]
    await github.stop()
    await s3.stop()
  })

  /** A commit on a branch, on top of it or of main; gives its id. */
  function commit(branch: string, change: (folder: string) => void, from = repository): string {
    const folder = join(emptyFolder(), 'clone')
    git('/', 'clone', '--quiet', `file://${from}`, folder)
    change(folder)
    git(folder, 'add', '--all')
    git(
      folder,
      '-c',
      'user.name=ana',
      '-c',
      'user.email=ana@acme.example',
      'commit',
      '--quiet',
      '-m',
      'change',
    )
    git(folder, 'push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${branch}`)
    return git(folder, 'rev-parse', 'HEAD')
  }

  const head = (branch: string) => git(repository, 'rev-parse', `refs/heads/${branch}`)

  /** One run of a workflow of this repository by an event, as GitHub would start it. */
  async function run(
    file: string | Workflow,
    event: { name: string; sha: string; branch?: string; payload?: object; inputs?: object },
    environment: NodeJS.ProcessEnv = {},
    vars: Record<string, string> = {},
    from = repository,
    token = (github.access.identity as { token: string }).token,
  ): Promise<JobRun[]> {
    rmSync(calls, { force: true })
    const { name, sha, branch = 'main', payload = {}, inputs = {} } = event
    const context = {
      event_name: name,
      event: { repository: { default_branch: 'main' }, ...payload },
      repository: 'acme/fleet',
      ref: `refs/heads/${branch}`,
      ref_name: branch,
      ...(name === 'pull_request' && { base_ref: 'main', head_ref: branch }),
      sha,
      actor: 'ana',
      run_id: '1',
      token,
    }
    const { AWS_ENDPOINT_URL_S3, ...credentials } = s3.environment
    return runWorkflow(typeof file === 'string' ? workflowOf(file) : file, {
      contexts: {
        github: context,
        inputs,
        vars: { LLMSCALE_PREVIEW_ROLE: role('preview'), LLMSCALE_APPLY_ROLE: role('apply'), ...vars },
        secrets: { PULUMI_CONFIG_PASSPHRASE: testSecrets.PULUMI_CONFIG_PASSPHRASE },
      },
      environment: {
        ...process.env,
        ...Object.fromEntries(Object.keys(credentials).map((key) => [key, undefined])),
        ...engineEnvironment,
        PATH: `${tools}:${engineEnvironment['PATH']}`,
        AWS_ENDPOINT_URL_S3,
        // Whatever else is asked of AWS finds nobody there.
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
        AWS_EC2_METADATA_DISABLED: 'true',
        KUBECONFIG: undefined,
        LLMSCALE_STAND_IN_CLOUD: cloud,
        STAND_IN_WORKFLOWS: workflows,
        GITHUB_API_URL: github.access.apiUrl,
        ...environment,
      },
      actions: {
        'actions/setup-node': () => ({}),
        'actions/create-github-app-token': ({ inputs }) => {
          writeFileSync(calls, `app ${inputs['app-id']}\n`, { flag: 'a' })
          return { token: (github.access.identity as { token: string }).token }
        },
        'actions/checkout': ({ inputs: { ref, 'fetch-depth': depth = '1' }, workspace }) => {
          git(
            '/',
            'clone',
            '--quiet',
            ...(depth === '0' ? [] : ['--depth=1']),
            '--no-checkout',
            `file://${from}`,
            workspace,
          )
          git(workspace, 'fetch', '--quiet', 'origin', ref ?? sha)
          git(workspace, 'checkout', '--quiet', ref ?? sha)
          return {}
        },
        'aws-actions/configure-aws-credentials': (call) => {
          writeFileSync(calls, `role ${call.inputs['role-to-assume']}\n`, { flag: 'a' })
          Object.assign(call.environment, credentials)
          return {}
        },
      },
    })
  }

  const asked = () => (existsSync(calls) ? readFileSync(calls, 'utf8') : '')
  const results = (runs: readonly JobRun[]) =>
    Object.fromEntries(runs.map(({ job, result }) => [job, result]))
  const outputOf = (runs: readonly JobRun[], step: string) =>
    runs.flatMap(({ steps }) => steps).find(({ name }) => name === step)?.output
  const said = (runs: readonly JobRun[]) =>
    runs.flatMap(({ steps }) => steps.map(({ output }) => output)).join('\n')
  const allWell = (runs: readonly JobRun[], expected: Record<string, string>) =>
    expect(results(runs), said(runs)).toEqual(expected)

  it('plan proposes a plan and what would change, with a role that only reads', async () => {
    const vars = { LLMSCALE_APP_ID: '4711' }
    const runs = await run('plan.yml', { name: 'schedule', sha: head('main') }, {}, vars)
    allWell(runs, { environments: 'success', plan: 'success', dashboard: 'success', heartbeat: 'success' })
    expect(asked()).toContain('app 4711')
    expect(asked().match(/^(role|aws|curl).*/gm)).toEqual(Array(2).fill(`role ${role('preview')}`))
    expect(github.issues[0]!.body).toMatch(/\| `prod` \| \*\*open\*\*: .* \| #1 \|/)
    expect(github.pulls).toMatchObject([{ branch: 'llmscale/prod', base: 'main', state: 'open' }])
    expect(github.violations).toEqual([])
    proposed = head('llmscale/prod')
    expect(git(repository, 'diff', '--name-only', 'main', proposed).split('\n')).toEqual([
      'forecasts/prod/changes.json',
      expect.stringMatching(/^forecasts\/prod\/charts\/.*\.svg$/),
      'forecasts/prod/plan.yaml',
      expect.stringMatching(/^forecasts\/prod\/workloads\/.*\.yaml$/),
    ])
  })

  const pullRequest = (sha: string, from = 'acme/fleet') => ({
    name: 'pull_request',
    sha,
    branch: 'llmscale/prod',
    payload: { pull_request: { head: { sha, repo: { full_name: from } } } },
  })

  it('preview accepts what was proposed', async () => {
    const runs = await run('preview.yml', pullRequest(proposed))
    allWell(runs, { environments: 'success', preview: 'success', compare: 'skipped', verdict: 'success' })
    expect(outputOf(runs, 'Preview')).toMatch(/^changes +passed .*2 changes, all reviewed/m)
    expect(asked()).toContain(`role ${role('preview')}`)
  })

  it('preview refuses a change set that is not what would change', async () => {
    const edited = commit('edited', (folder) => {
      git(folder, 'checkout', '--quiet', proposed)
      const path = join(folder, 'forecasts/prod/changes.json')
      const changes = JSON.parse(readFileSync(path, 'utf8'))
      const [stack] = Object.keys(changes.stacks).filter((name) => name.endsWith('serving'))
      changes.stacks[stack!].changes.pop()
      writeFileSync(path, JSON.stringify(changes))
    })
    const runs = await run('preview.yml', pullRequest(edited))
    expect(results(runs)).toMatchObject({ environments: 'success', preview: 'failure', verdict: 'failure' })
    expect(outputOf(runs, 'Preview')).toMatch(/^changes +refused .* was not reviewed/m)
    const removed = commit('removed', (folder) => {
      git(folder, 'checkout', '--quiet', proposed)
      rmSync(join(folder, 'forecasts/prod/changes.json'))
    })
    expect(outputOf(await run('preview.yml', pullRequest(removed)), 'Preview')).toContain(
      '::error::There is no ./forecasts/prod/changes.json',
    )
  })

  it('preview gives a fork nothing, and a change of other files no work', async () => {
    const fork = await run('preview.yml', pullRequest(proposed, 'eve/fleet'))
    expect(results(fork)).toMatchObject({ environments: 'success', preview: 'skipped', verdict: 'failure' })
    expect(said(fork)).toContain('::error::A plan from a fork cannot be previewed')
    expect(asked()).not.toContain('role')
    const prose = commit('prose', (folder) => writeFileSync(join(folder, 'README.md'), 'Fleet\n'))
    const runs = await run('preview.yml', pullRequest(prose))
    expect(results(runs)).toMatchObject({ environments: 'success', preview: 'skipped', verdict: 'success' })
    expect(asked()).not.toContain('role')
  })

  it('apply deploys what was merged, by its own role', async () => {
    const before = head('main')
    const merged = github.squash(github.pulls[0]!.number)
    const push = { name: 'push', sha: merged, payload: { before } }
    const runs = await run('apply.yml', push)
    allWell(runs, { environments: 'success', apply: 'success' })
    expect(asked()).toContain(`role ${role('apply')}`)
    expect(await store.list('receipts/prod')).toHaveLength(1)
    expect(await store.list('locks')).toEqual([])
    const [receipt] = github.comments
    expect(receipt).toMatchObject({ number: github.pulls[0]!.number })
    expect(receipt!.body).toMatch(/\*\*Applied plan `\w+` to `prod`\*\*: 2 created/)

    const again = await run('apply.yml', { name: 'workflow_dispatch', sha: merged })
    allWell(again, { environments: 'success', apply: 'success' })
    expect(outputOf(again, 'Apply')).toContain('No change')
    const elsewhere = await run('apply.yml', { name: 'workflow_dispatch', sha: merged, branch: 'mine' })
    expect(results(elsewhere)).toEqual({ environments: 'skipped', apply: 'skipped' })
  })

  it('apply fails while the kill switch is on', async () => {
    const runs = await run(
      'apply.yml',
      { name: 'workflow_dispatch', sha: head('main') },
      {},
      { LLMSCALE_KILL_SWITCH: '1' },
    )
    expect(results(runs)).toEqual({ environments: 'success', apply: 'failure' })
    expect(outputOf(runs, 'Apply')).toContain('LLMSCALE_KILL_SWITCH is set')
    expect(outputOf(runs, 'Receipt')).toContain('LLMSCALE_KILL_SWITCH is set')
  })

  it('verify finds nothing wrong, and the next plan is the same', async () => {
    const schedule = { name: 'schedule', sha: head('main') }
    const runs = await run('verify.yml', schedule)
    allWell(runs, { environments: 'success', verify: 'success', dashboard: 'success', heartbeat: 'success' })
    expect(outputOf(runs, 'Verify')).toMatch(/"verdict": "(keep|unknown)"/)
    const written = github.writes().length
    const next = await run('plan.yml', schedule, {}, { LLMSCALE_APP_ID: '4711' })
    allWell(next, { environments: 'success', plan: 'success', dashboard: 'success', heartbeat: 'success' })
    expect(outputOf(next, 'Preview')).toContain('The plan is the one in force')
    expect([github.pulls.length, github.writes().length]).toEqual([1, written])
  })

  it('dashboard writes nothing on schedule, and obeys the box that a person ticks', async () => {
    const sha = head('main')
    const scheduled = await run('dashboard.yml', { name: 'schedule', sha })
    allWell(scheduled, { dashboard: 'success' })
    expect(outputOf(scheduled, 'Dashboard')).toMatch(/: unchanged\.$/m)
    const issue = github.issues[0]!
    const before = issue.body
    expect(before).toContain('| `prod` | **steady**')
    issue.body = before.replace(/\[ \](?= <!-- llmscale:control hold prod)/, '[x]')
    const payload = {
      action: 'edited',
      sender: { login: 'bob', type: 'User' },
      changes: { body: { from: before } },
      issue: { number: issue.number, body: issue.body, updated_at: '2026-11-21T08:00:00Z' },
    }
    const edited = await run('dashboard.yml', { name: 'issues', sha, payload })
    allWell(edited, { dashboard: 'success' })
    expect(issue.body).toBe(before)
    expect(github.pulls.at(-1)).toMatchObject({ branch: 'llmscale/prod.hold', state: 'open' })
    expect(github.violations).toEqual([])
    const other = { ...payload, issue: { ...payload.issue, body: 'It is slow.' } }
    const skipped = await run('dashboard.yml', { name: 'issues', sha, payload: other })
    expect(results(skipped)).toEqual({ dashboard: 'skipped' })
  })

  it('preview says on a pull request of people what their change of llmscale.yaml does', async () => {
    const capped = commit('capped', (folder) => {
      const path = join(folder, 'llmscale.yaml')
      const text = readFileSync(path, 'utf8')
      writeFileSync(path, text.replace('    slo:', '    maxReplicas: 1\n    slo:'))
    })
    const host = await openGitHubHost(github.access)
    const { number } = await host.createPullRequest({
      branch: 'capped',
      base: 'main',
      title: 'Cap',
      body: '',
    })
    await host.close()
    const { payload, ...event } = pullRequest(capped)
    const opened = {
      ...event,
      branch: 'capped',
      payload: { pull_request: { ...payload.pull_request, number } },
    }
    const token = (github.access.identity as { token: string }).token
    const runs = await run('preview.yml', opened, {}, {}, repository, token)
    const well = { environments: 'success', preview: 'skipped', compare: 'success', verdict: 'success' }
    allWell(runs, well)
    const comments = github.comments.filter((each) => each.number === number)
    expect(comments).toMatchObject([{ login: 'llmscale[bot]' }])
    expect(comments[0]!.body).toMatch(/^<!-- llmscale:diff env=prod .* -->\n\n### Capacity of `prod`/)
    expect(comments[0]!.body).toContain('**1,<br>max&nbsp;1**')
    expect(github.violations).toEqual([])
    const fork = { ...opened, payload: pullRequest(capped, 'eve/fleet').payload }
    expect(results(await run('preview.yml', fork))).toMatchObject({ compare: 'skipped' })
  })

  it('the action names the clusters of the environment, and takes no role for a list', async () => {
    const fleet = bareRepository()
    const clusters = 'clusters: { us-east-1: { name: gpu, context: gpu-east }, eu-west-1: { name: gpu-eu } }'
    const sha = commit(
      'main',
      (folder) => {
        cpSync(join(root, '.github'), join(folder, '.github'), { recursive: true })
        writeFileSync(
          join(folder, 'llmscale.yaml'),
          config('s3://fleet').replace(
            'regions: [us-east-1]',
            `regions: [us-east-1, eu-west-1]\n    ${clusters}`,
          ),
        )
        writeFileSync(join(folder, 'package-lock.json'), '{}')
      },
      fleet,
    )
    const checkout = { uses: 'actions/checkout@x' }
    const jobs = (inputs: Record<string, unknown>) => ({
      probe: { 'runs-on': 'any', steps: [checkout, { uses: './.github', with: inputs }] },
    })
    const { env } = workflowOf('plan.yml')
    const start = (inputs: Record<string, unknown>) =>
      run({ on: {}, env: env!, jobs: jobs(inputs) }, { name: 'schedule', sha }, {}, {}, fleet)
    allWell(await start({ environment: 'prod', role: role('preview') }), { probe: 'success' })
    expect(asked().match(/^(role|aws|curl).*/gm)).toEqual([
      `role ${role('preview')}`,
      'aws eks update-kubeconfig --name gpu --region us-east-1 --alias gpu-east',
      'aws eks update-kubeconfig --name gpu-eu --region eu-west-1 --alias gpu-eu',
    ])
    const listing = await start({ planned: true })
    expect([results(listing), said(listing)]).toEqual([
      { probe: 'success' },
      expect.stringContaining('Environments: []'),
    ])
    expect(asked()).not.toMatch(/^(role|aws|curl)/m)
  })

  it.each([
    ['plan.yml', 'verify.yml disabled_inactivity', 'verify.yml is disabled_inactivity'],
    [
      'verify.yml',
      'plan.yml active 2026-01-01T04:17:00Z',
      'plan.yml last ran on schedule at 2026-01-01T04:17:00Z',
    ],
  ])('%s tells of %s', async (file, workflows, message) => {
    const { jobs } = workflowOf(file)
    const { heartbeat } = jobs
    const event = { name: 'schedule', sha: head('main') }
    const runs = await run({ ...workflowOf(file), jobs: { heartbeat: heartbeat! } }, event, {
      STAND_IN_WORKFLOWS: workflows,
    })
    expect(results(runs)).toEqual({ heartbeat: 'failure' })
    expect(said(runs)).toContain(`::error::${message}`)
  })

  it.each(['plan.yml', 'preview.yml', 'apply.yml', 'verify.yml', 'dashboard.yml'])(
    '%s ends well without a configuration, and says so',
    async (file) => {
      const bare = bareRepository()
      const sha = commit(
        'main',
        (folder) => cpSync(join(root, '.github'), join(folder, '.github'), { recursive: true }),
        bare,
      )
      const runs = await run(file, { name: 'workflow_dispatch', sha }, {}, {}, bare)
      expect(Object.values(results(runs))).not.toContain('failure')
      expect(said(runs)).toContain('::notice::There is no llmscale.yaml here: nothing to do.')
      expect(asked()).not.toContain('npm')
    },
  )
})
