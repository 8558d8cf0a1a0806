import { appendFileSync, cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Result as Applied } from '../../src/commands/apply.js'
import { Result as Planned } from '../../src/commands/plan.js'
import { Proposed } from '../../src/commands/pr.js'
import { Result as Verified } from '../../src/commands/verify.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import { parseInstant } from '../../src/kit/time.js'
import { descriptionsNote } from '../delivery/github-descriptions.js'
import { git } from '../delivery/state-places.js'
import { engineFolder, engineNote } from '../engine.js'
import { workflowOf } from '../stand-in-runner.js'
import { hasS3, s3Note } from '../stand-in-s3.js'
import { type Company, type Machine, merge, startCompany, waveDemand } from './company.js'

const configText = (backend: string) => `environments:
  prod:
    regions: [us-east-1]
    approval: github
    backend: "${backend}"
    budget: { usdPerDay: 50000 }
    nodes: { nodeClass: gpu }
metrics: { files: ['s3://fleet/demand.csv'] }
shapes: [{ instanceType: p5.48xlarge, gpusPerReplica: 1 }]
planning: { decreaseCap: 40% }
workloads:
  - model: llama-3.1-8b
    target: { kind: Deployment, name: chat }
    slo: { ttftP95: 2s, itlP95: 50ms }
trigger: { serverAddress: 'http://prometheus:9090', query: 'sum(vllm:num_requests_running{model_name="{model}"})' }
`
const overrides = `overrides:
  - { workload: llama-3.1-8b/us-east-1, floor: 9, reason: the launch of Friday, by: ada, until: 2027-01-31 }
`

// Eight weeks of less, of which any forecast is sure: its plan takes capacity away that is missed the day after.
const begins = '2026-10-05T00:00:00Z'
const [falls, grows] = [parseInstant('2026-11-02T04:00:00Z')!, parseInstant('2026-12-29T00:00:00Z')!]
const level = (time: number) => (time < falls ? 1 : time < grows ? 0.8 : 1.5)

const branch = 'llmscale/prod'
const isMissing = engineFolder === undefined || !hasS3

describe.skipIf(isMissing)(
  `the cycle of a plan${engineNote}${s3Note}${descriptionsNote}`,
  { timeout: 300_000 },
  () => {
    let company: Company
    beforeAll(async () => {
      company = await startCompany()
    })
    afterAll(async () => {
      await company.stop()
    })

    /** What was measured until then is there. */
    async function setTime(time: string): Promise<void> {
      company.setTime(time)
      await company.putDemand(waveDemand(begins, time, level))
    }

    /** What a command that ends well says. */
    async function ask<Schema extends z.ZodType>(
      job: Machine,
      schema: Schema,
      ...args: string[]
    ): Promise<z.infer<Schema>> {
      const { code, stdout, stderr } = await job.run(...args, '--json')
      expect([code, stderr], stdout).toEqual([0, ''])
      return schema.parse(JSON.parse(stdout).result)
    }

    async function say(job: Machine, ...args: string[]): Promise<string> {
      const { code, stdout, stderr } = await job.run(...args)
      expect(code, stdout + stderr).toBe(0)
      return stdout
    }

    /** What the schedule starts: plan, and where it wrote one its change set, and the pull request. */
    async function propose(): Promise<z.infer<typeof Proposed>> {
      const job = company.job()
      const { written } = await ask(job, Planned, 'plan')
      if (written.length > 0) await say(job, 'preview', '--write')
      return ask(job, Proposed, 'pr')
    }

    /** How often GitHub was asked to write while something was done. */
    async function countWrites(work: () => Promise<unknown>): Promise<number> {
      const before = company.github.writes().length
      await work()
      return company.github.writes().length - before
    }

    /** A change that a person makes, with the review that it gets. */
    async function change(name: string, edit: (desk: Machine) => unknown): Promise<void> {
      const desk = company.desk()
      await edit(desk)
      company.push(desk.folder, 'ada', name)
      merge(company.github, company.github.open(name, name, 'ada'))
    }

    const changedTo = ([stack]: z.infer<typeof Applied>['stacks'], path: string) =>
      stack!.changes.flatMap(({ values }) => values[path] ?? [])
    const filesOf = (ref: string) =>
      git(company.github.repository, 'diff', '--name-only', `main...${ref}`).split('\n')
    const pullOf = (number: number) => company.github.pulls.find((each) => each.number === number)!
    const planIdOn = (ref: string) =>
      /planId: (\w+)/.exec(git(company.github.repository, 'show', `${ref}:forecasts/prod/plan.yaml`))![1]
    const receipts = () => createBucketStore(company.backend, 'llmscale-state').list('receipts/prod')

    it('1. people add llmscale.yaml', async () => {
      await setTime('2026-11-02T04:00:00Z')
      company.push(company.desk().folder, 'ada', 'main')
      await change('setup', ({ folder }) => {
        writeFileSync(join(folder, 'llmscale.yaml'), configText(company.backend))
        writeFileSync(join(folder, '.gitignore'), '.llmscale/\nnode_modules/\n')
        writeFileSync(join(folder, 'package-lock.json'), '{}\n')
        cpSync(resolve(import.meta.dirname, '../../.github'), join(folder, '.github'), { recursive: true })
      })
    })

    it('2. the schedule proposes the first plan', async () => {
      const { action, pullRequest, planId } = await propose()
      expect([action, pullRequest?.number]).toEqual(['create', 2])
      expect(pullOf(2)).toMatchObject({ branch, base: 'main', state: 'open', labels: ['llmscale'] })
      expect(pullOf(2).body).toContain(`plan=${planId} valid-at=2026-11-02T04:0`)
      expect(filesOf(branch).map((path) => path.replace(/[^/]*\.us-east-1/, '*'))).toEqual([
        'forecasts/prod/changes.json',
        'forecasts/prod/charts/*.svg',
        'forecasts/prod/plan.yaml',
        'forecasts/prod/workloads/*.yaml',
      ])
    })

    it('3. the check on its head finds what is under review', async () => {
      expect(await say(company.job(branch), 'preview')).toMatch(/^changes +passed +2 changes, all reviewed$/m)
    })

    it('4. before a review, nothing is applied', async () => {
      company.github.squash(2)
      const { code, stderr } = await company.job().run('apply', '--yes')
      expect([code, stderr]).toEqual([8, expect.stringContaining('no approving review of its last commit')])
      expect(await receipts()).toEqual([])
    })

    it('5. after one, the merge is applied, and a receipt says so', async () => {
      const { reviews, head } = pullOf(2)
      reviews.push({ login: 'bob', state: 'APPROVED', type: 'User', commit: head })
      const { receipt, stacks } = await ask(company.job(), Applied, 'apply', '--yes')
      expect(stacks.map(({ changes }) => changes.map(({ op }) => op))).toEqual([['create', 'create']])
      expect(stacks[0]!.guards.find(({ guard }) => guard === 'approval')!.message).toContain(
        'forecasts/prod by bob in #2, llmscale.yaml by bob in #1',
      )
      expect(await receipts()).toEqual([`receipts/prod/${receipt}.json`])
    })

    it('6. a day later it holds, and the next plan is quiet', async () => {
      await setTime('2026-11-03T04:00:00Z')
      const { drifts, checks } = await ask(company.job(), Verified, 'verify', '--record')
      expect([drifts, checks[0]!.state]).toEqual([[], 'same'])
      const writes = await countWrites(async () => {
        const { action } = await propose()
        expect(['unchanged', 'quiet']).toContain(action)
      })
      expect([writes, company.github.pulls.length]).toEqual([0, 2])
    })

    let fewer: { from: number; to: number }

    it('7. eight weeks of less demand bring a smaller plan, which is reviewed and applied', async () => {
      await setTime('2026-12-28T04:00:00Z')
      const { action, pullRequest } = await propose()
      expect([action, pullRequest?.number]).toEqual(['create', 3])
      expect(pullOf(3).body).toMatch(/largest decrease [1-9][\d.]* % of 40 %/)
      merge(company.github, 3)
      const { stacks } = await ask(company.job(), Applied, 'apply', '--yes')
      const [changed, ...others] = changedTo(stacks, 'spec.maxReplicaCount')
      fewer = z.object({ from: z.number(), to: z.number() }).parse(changed)
      expect(fewer.to).toBeLessThan(fewer.from)
      expect(others).toEqual([])
    })

    /** What the schedule starts: `verify.yml`, but for its dashboard. */
    async function verify(): Promise<string> {
      const workflow = workflowOf('verify.yml')
      const { environments, verify } = workflow.jobs
      const jobs = { environments: environments!, verify: verify! }
      const runs = await company.start({ ...workflow, jobs }, { name: 'schedule' })
      const said = runs.flatMap(({ steps }) => steps.map(({ output }) => output)).join('\n')
      expect(
        runs.map(({ result }) => result),
        said,
      ).toEqual(['success', 'success'])
      return said
    }

    it('8. more demand than ever: verify proposes the plan before, with its hold, once', async () => {
      await setTime('2026-12-30T04:00:00Z')
      expect(await verify()).toContain('"verdict": "revert"')
      expect(await countWrites(verify)).toBe(0)
      expect(company.github.pulls).toHaveLength(4)
      expect(planIdOn(`${branch}.rollback`)).toBe(planIdOn('main~1'))
      expect(pullOf(4).body).toContain(
        `**Raises the maximum of llama-3.1-8b/us-east-1 (${fewer.to} → ${fewer.from} replicas)`,
      )
      expect(pullOf(4).body).toMatch(/^- Requests without capacity \(estimated on measured demand\) \d/m)
      expect(pullOf(4).body).toMatch(
        /^- \*\*Hold rollback-.*\*\* until 2027-01-06 04:00 UTC, by ada \(\S+\): .*$/m,
      )
      expect(pullOf(4).branch).toBe(`${branch}.rollback`)
      expect(filesOf(`${branch}.rollback`)).toContainEqual(
        expect.stringMatching(/^forecasts\/prod\/holds\/rollback-.*\.yaml$/),
      )
    })

    it('9. its merge is applied', async () => {
      merge(company.github, 4)
      expect(planIdOn('main')).toBe(planIdOn('main~2'))
      const { stacks } = await ask(company.job(), Applied, 'apply', '--yes')
      expect(changedTo(stacks, 'spec.maxReplicaCount')).toEqual([{ from: fewer.to, to: fewer.from }])
    })

    it('10. while the hold stands, nothing is proposed', async () => {
      await setTime('2026-12-31T04:00:00Z')
      const writes = await countWrites(async () => {
        const { action, because } = await propose()
        expect([action, because]).toEqual(['quiet', expect.stringMatching(/held by ada .*until/)])
      })
      expect([writes, company.github.pulls.length]).toEqual([0, 4])
    })

    it('11. after the hold the next plan shows the override of a person, and obeys it', async () => {
      await change('launch', ({ folder }) => appendFileSync(join(folder, 'llmscale.yaml'), overrides))
      await change('resume', async (desk) => {
        const [hold] = readdirSync(join(desk.folder, 'forecasts/prod/holds'))
        await say(desk, 'hold', '--remove', hold!.replace('.yaml', ''))
      })
      const { action, pullRequest } = await propose()
      expect(action).toBe('create')
      const { number } = pullRequest!
      expect(pullOf(number).body).toMatch(
        /^- Override of `llama-3\.1-8b\/us-east-1`: floor 9 until 2027-01-31.*, by ada: the launch of Friday$/m,
      )
      expect(pullOf(number).body).not.toContain('**Hold ')
      merge(company.github, number)
      const { stacks } = await ask(company.job(), Applied, 'apply', '--yes')
      expect(changedTo(stacks, 'spec.minReplicaCount')).toEqual([{ from: 1, to: 9 }])
    })

    it('12. GitHub was asked as it describes itself', () => {
      expect(company.github.violations).toEqual([])
    })
  },
)
