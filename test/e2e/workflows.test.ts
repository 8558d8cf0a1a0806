import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatPermissions, githubPermissions } from '../../src/delivery/github-permissions.js'
import { evaluate, type Job, type Step, type Workflow, workflowOf } from '../stand-in-runner.js'

const root = resolve(import.meta.dirname, '../..')
const workflowFiles = readdirSync(join(root, '.github/workflows'))
const actionFiles = ['action.yml', 'heartbeat/action.yml']
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
  const contexts = { a: { 'b-c': 'x', no: '', list: [{ name: 'x' }] }, failed: true }
  it.each([
    ["a.b-c == 'x' && 'yes' || 'no'", 'yes'],
    ["a.missing.deep || 'it''s'", "it's"],
    ["a.missing != ''", false],
    ["contains(a.b-c, 'x') && failure()", true],
    ["contains(a.list.*.name, 'x') && !contains(a.list.*.name, 'y')", true],
    ['fromJSON(\'["1"]\')', ['1']],
  ])('knows what %s is', (expression, value) => {
    expect(evaluate(expression, contexts)).toEqual(value)
  })
})
