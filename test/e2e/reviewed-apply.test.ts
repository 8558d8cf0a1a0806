import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Result } from '../../src/commands/apply.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { bareRepository, git } from '../delivery/state-places.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { configText, writePlanFiles } from '../project-fixture.js'
import { emptyFolder, runCli } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { hasS3, type StandInS3, s3Note, startS3 } from '../stand-in-s3.js'

// The way of a change in a company: a plan and its change set on a branch, merged to main, applied by a workflow whose
// machine is new each time; what lasts is in a bucket.

const budget = 'budget: {usdPerDay: 5000}'
const header = { origin: '2020-01-01T00:00:00Z', validUntil: '2999-01-01T00:00:00Z' }
const stack = 'prod.us-east-1.serving'

describe.skipIf(engineFolder === undefined || !hasS3)(
  `a reviewed apply${engineNote}${s3Note}`,
  { timeout: 600_000 },
  () => {
    let s3: StandInS3
    let cloud: string
    let bucket = 0
    beforeAll(async () => {
      s3 = await startS3()
      for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value)
      cloud = emptyFolder()
    })
    afterAll(async () => {
      vi.unstubAllEnvs()
      await s3.stop()
    })

    /** A repository whose `main` has a project with a backend in a bucket of its own. */
    async function company(settings = (backend: string) => `backend: "${backend}", ${budget}`) {
      const name = `fleet-${bucket++}`
      const authorization = 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request'
      await fetch(`${s3.endpoint}/${name}`, { method: 'PUT', headers: { authorization } })
      const backend = `s3://${name}/pulumi?region=us-east-1&endpoint=${s3.endpoint}&s3ForcePathStyle=true`
      const repository = bareRepository()
      const first = clone(repository)
      writeFileSync(
        join(first.cwd, 'llmscale.yaml'),
        configText(`regions: [us-east-1], approval: git, ${settings(backend)}`),
      )
      writeFileSync(join(first.cwd, '.gitignore'), '.llmscale/\n')
      first.push('main')
      return { repository, store: createBucketStore(backend, 'llmscale-state') }
    }

    /** A machine that has never seen the project: a clone, and a home of its own. */
    function clone(repository: string) {
      const cwd = emptyFolder()
      git('/', 'clone', '--quiet', `file://${repository}`, cwd)
      const run = (
        command: string,
        args: string[] = [],
        env: NodeJS.ProcessEnv = {},
        runProgram: typeof runCli = runCommand,
      ) =>
        runProgram([command, ...args], {
          cwd,
          env: {
            ...engineEnvironment,
            ...s3.environment,
            // Whatever else is asked of AWS finds nobody there.
            AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
            LLMSCALE_STAND_IN_CLOUD: cloud,
            HOME: emptyFolder(),
            KUBECONFIG: undefined,
            GITHUB_ACTIONS: 'true',
            PULUMI_CONFIG_PASSPHRASE: 'correct horse',
            ...env,
          },
        })
      const commit = () => {
        git(cwd, 'add', '--all')
        const by = ['-c', 'user.name=ana', '-c', 'user.email=ana@acme.example']
        git(cwd, ...by, 'commit', '--quiet', '--allow-empty', '-m', 'change')
      }
      return {
        cwd,
        run,
        propose: (plan: CapacityPlan) => writePlanFiles(join(cwd, 'forecasts/prod'), plan),
        push: (branch: string) => {
          commit()
          git(cwd, 'push', '--quiet', 'origin', `HEAD:${branch}`)
        },
      }
    }

    async function review(
      repository: string,
      plan: CapacityPlan,
      branch = 'main',
      env: NodeJS.ProcessEnv = {},
    ) {
      const author = clone(repository)
      author.propose(plan)
      const { code, stderr } = await author.run('preview', ['--write'], env)
      expect([code, stderr]).toEqual([0, expect.stringContaining('Wrote forecasts/prod/changes.json')])
      author.push(branch)
      return author
    }

    it('deploys from any machine what was merged, and finds what another machine deployed', async () => {
      const { repository, store } = await company()
      const first = capacityPlan({}, header)
      await review(repository, first)
      const done = await clone(repository).run('apply', ['--json'])
      expect([done.code, done.stderr]).toEqual([0, ''])
      const { receipt, stacks } = Result.parse(JSON.parse(done.stdout).result)
      const verdicts = stacks[0]!.guards.map(({ guard, state, message }) => `${guard} ${state}: ${message}`)
      expect(verdicts.join('\n')).toMatch(/^approval passed: \d+ files are as on origin\/main/m)
      expect(verdicts.join('\n')).toMatch(/^changes passed: \d+ changes, all reviewed/m)
      expect(await store.list('receipts/prod')).toEqual([`receipts/prod/${receipt}.json`])
      expect(await store.list('locks')).toEqual([])

      const next = capacityPlan(
        { pools: [pool({ maximumNodes: 30 })] },
        { ...header, baseline: first.planId },
      )
      await review(repository, next)
      const machine = clone(repository)
      expect(existsSync(join(machine.cwd, '.llmscale'))).toBe(false)
      const updated = await machine.run('apply')
      expect(updated.stderr).not.toContain('Error')
      expect(updated.stdout).toMatch(
        new RegExp(`^baseline +passed +follows plan ${first.planId.slice(0, 12)}`, 'm'),
      )
      expect(updated.stdout).toContain('spec.limits.nodes 20 → 30')
      const again = await clone(repository).run('apply')
      expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('No change')])
      expect(await store.list('receipts/prod')).toHaveLength(3)
    })

    it('one of two applies at a time wins, and the other hears who it was', async () => {
      const { repository, store } = await company()
      await review(repository, capacityPlan({}, header))
      const winner = clone(repository).run('apply', [], { GITHUB_ACTOR: 'ana' }, runCli)
      const path = `locks/${stack}.json`
      const lock = await vi.waitFor(
        async () => {
          expect(await store.list('locks')).toEqual([path])
          return JSON.parse((await store.read(path))!)
        },
        { timeout: 120_000, interval: 100 },
      )
      // It stands still until the other has been told.
      process.kill(lock.pid, 'SIGSTOP')
      const loser = await clone(repository)
        .run('apply', [], { GITHUB_ACTOR: 'bo' })
        .finally(() => process.kill(lock.pid, 'SIGCONT'))
      expect([loser.code, loser.stderr]).toEqual([
        9,
        expect.stringContaining(`stack ${stack} is locked by ana since`),
      ])
      expect((await winner).code).toBe(0)
    })

    it('needs no passphrase with a key of AWS KMS, whichever machine made the stack', async () => {
      await askKms('CreateKey', {}).then(({ KeyMetadata }) =>
        askKms('CreateAlias', { AliasName: 'alias/fleet', TargetKeyId: KeyMetadata.KeyId }),
      )
      const key = 'secretsProvider: "awskms://alias/fleet?region=us-east-1"'
      const { repository } = await company((backend) => `backend: "${backend}", ${budget}, ${key}`)
      const env = { AWS_ENDPOINT_URL_KMS: s3.endpoint, PULUMI_CONFIG_PASSPHRASE: undefined }
      await review(repository, capacityPlan({}, header), 'main', env)
      const { code, stderr } = await clone(repository).run('apply', [], env)
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('Error')])
    })

    /** One action of KMS, which moto plays too. */
    async function askKms(action: string, body: object) {
      const authorization = 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/kms/aws4_request'
      const headers = {
        authorization,
        'x-amz-target': `TrentService.${action}`,
        'content-type': 'application/x-amz-json-1.1',
      }
      const answer = await fetch(s3.endpoint, { method: 'POST', headers, body: JSON.stringify(body) })
      expect(answer.status).toBe(200)
      return JSON.parse((await answer.text()) || '{}')
    }

    it('refuses what was not merged, was changed after it, or was not reviewed, and leaves nothing', async () => {
      const { repository, store } = await company()
      const author = await review(repository, capacityPlan({}, header), 'proposal')
      const onBranch = await author.run('apply')
      expect([onBranch.code, onBranch.stderr]).toEqual([
        8,
        expect.stringMatching(
          /not as reviewed on origin\/main .*forecasts\/prod\/plan\.yaml \(not on origin\/main\)/,
        ),
      ])
      author.push('main')
      const changes = join(author.cwd, 'forecasts/prod/changes.json')
      const reviewed = readFileSync(changes, 'utf8')
      writeFileSync(changes, reviewed.replace('"allowDelete": []', '"allowDelete": ["chat-70b"]'))
      const edited = await author.run('apply')
      expect([edited.code, edited.stderr]).toEqual([
        8,
        expect.stringContaining('forecasts/prod/changes.json (not committed)'),
      ])
      writeFileSync(changes, reviewed)
      const locked = await author.run('apply', [], { PULUMI_CONFIG_PASSPHRASE: undefined })
      expect([locked.code, locked.stderr]).toEqual([
        13,
        expect.stringMatching(
          /none is given[\s\S]*Set PULUMI_CONFIG_PASSPHRASE, or environments\.<env>\.secretsProvider/,
        ),
      ])
      rmSync(changes)
      author.push('main')
      const unseen = await author.run('apply')
      expect([unseen.code, unseen.stderr]).toEqual([
        12,
        expect.stringContaining('there is no changes.json beside the plan'),
      ])
      expect([await store.list('receipts'), await store.list('locks')]).toEqual([[], []])
    })

    it.each([
      [
        'without a budget',
        'backend: "s3://fleet"',
        'the environment has no budget, which every shared backend needs',
      ],
      [
        'with its state on the runner',
        `backend: "file:///srv/state", ${budget}`,
        'state on a runner dies with it',
      ],
    ])('refuses an environment %s', async (_what, settings, message) => {
      const { repository } = await company(() => settings)
      const machine = clone(repository)
      machine.propose(capacityPlan({}, header))
      machine.push('main')
      const { code, stderr } = await machine.run('apply')
      expect([code, stderr]).toEqual([3, expect.stringContaining(message)])
    })
  },
)
