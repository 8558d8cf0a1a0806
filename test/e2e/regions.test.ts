import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Result } from '../../src/commands/apply.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { deployStack } from '../../src/delivery/engine.js'
import { Receipt } from '../../src/delivery/receipt.js'
import { createProgram } from '../../stacks/program.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { projectFolder } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const asOf = '2026-11-02T00:00:00Z'
const regions = ['ap-south-1', 'eu-west-1', 'us-east-1']
const stackOf = (region: string) => `prod.${region}.serving`

/** llmscale.yaml with a model of its own in each region, so that the one stand-in cloud tells them apart. */
const configOf = (rollout: string) => `
environments:
  prod: {regions: [${regions}], rollout: ${rollout}}
metrics: {files: [demand.csv]}
models: {${regions.map((region) => `${region}: {architecture: llama-3.1-70b}`)}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
planning: {spotCap: 30%}
workloads:
${regions.map((region) => `  - {model: ${region}, regions: [${region}], target: {kind: Deployment, name: ${region}, namespace: serving}, slo: {ttftP95: 2s}}`).join('\n')}
`

/** A plan that differs from region to region: 40, 41, 42 replicas at most on 20, 21, 22 nodes. */
const plan = capacityPlan({
  workloads: regions.map((region, index) =>
    workloadDecision({ model: region, region, hardMaximum: 40 + index }),
  ),
  pools: regions.map((region, index) => pool({ region, maximumNodes: 20 + index })),
})

interface State {
  type: string
  urn: string
  inputs?: { spec?: { maxReplicaCount?: number; limits?: { nodes?: string } } }
  outputs?: { planId?: string; decision?: { workloads: { region: string }[]; pools: { region: string }[] } }
}

/** What the engine's state holds of a stack; undefined where nothing was deployed. */
function stateOf(folder: string, region: string): State[] | undefined {
  const path = join(folder, '.llmscale/pulumi/state/.pulumi/stacks/llmscale', `${stackOf(region)}.json`)
  return JSON.parse(readFileSync(path, 'utf8')).checkpoint.latest?.resources
}

/** That a stack holds what the plan has for its region, and nothing of another. */
function expectOwn(folder: string, region: string): void {
  const resources = stateOf(folder, region)!
  for (const { urn } of resources)
    expect(urn).toMatch(new RegExp(`^urn:pulumi:${stackOf(region)}::llmscale::`))
  const index = regions.indexOf(region)
  const maxima = resources.flatMap(({ inputs }) => inputs?.spec?.maxReplicaCount ?? [])
  const nodes = resources.flatMap(({ inputs }) => inputs?.spec?.limits?.nodes ?? [])
  expect([maxima, nodes.map(Number)]).toEqual([[40 + index], [20 + index]])
  const { outputs } = resources.find(({ type }) => type === 'pulumi:pulumi:Stack')!
  const { workloads, pools } = outputs!.decision!
  expect([...workloads, ...pools].map((each) => each.region)).toEqual([region, region])
}

describe.skipIf(engineFolder === undefined)(
  `several regions in one process${engineNote}`,
  { timeout: 180_000 },
  () => {
    beforeAll(() => {
      for (const [name, value] of Object.entries(engineEnvironment)) vi.stubEnv(name, value)
    })
    afterAll(() => {
      vi.unstubAllEnvs()
    })

    it('do not mix, although their programs run at the same time', async () => {
      const folder = emptyFolder()
      const config = parseConfig(configOf('{}'), 'llmscale.yaml')
      const meet = createMeeting(regions.length)
      const told = new Map<string, string[]>()
      await Promise.all(
        regions.map((region) => {
          const program = createProgram(
            {
              plan,
              config,
              environment: 'prod',
              region,
              layer: 'serving',
              now: Date.parse(asOf) / 1000,
              holds: [],
              decreaseCap: 0.3,
              writes: true,
              onRunner: false,
              policies: [],
            },
            {
              onChecks: ({ guards }) =>
                told.set(region, [
                  ...(told.get(region) ?? []),
                  guards.find(({ guard }) => guard === 'environment')!.message,
                ]),
            },
          )
          return deployStack(
            {
              stackName: stackOf(region),
              projectFolder: folder,
              // None goes on before all have come: a preview and an update each.
              program: async () => {
                await meet()
                const outputs = await program()
                await meet()
                return outputs
              },
            },
            ({ changes }) => {
              const stacks = changes.map(({ urn }) => urn.split(':')[2])
              expect(new Set(stacks)).toEqual(new Set([stackOf(region)]))
              return true
            },
            async () => undefined,
          )
        }),
      )
      for (const region of regions) {
        expectOwn(folder, region)
        expect(told.get(region)).toEqual([`prod, ${region}`, `prod, ${region}`])
      }
    })
  },
)

/** Lets those who come go on when so many are there; then it begins anew. */
function createMeeting(size: number): () => Promise<void> {
  let waiting: (() => void)[] = []
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      if (waiting.length < size) return
      for (const each of waiting) each()
      waiting = []
    })
}

describe.skipIf(engineFolder === undefined)(
  `llmscale apply to several regions${engineNote}`,
  { timeout: 600_000 },
  () => {
    function project(rollout: string) {
      const cwd = projectFolder(plan, configOf(rollout))
      const cloud = emptyFolder()
      const log = join(emptyFolder(), 'calls')
      return {
        cwd,
        apply: (env: NodeJS.ProcessEnv = {}) => {
          writeFileSync(log, '')
          return runCommand(['apply', '--as-of', asOf, '--yes', '--json'], {
            cwd,
            env: {
              ...engineEnvironment,
              LLMSCALE_STAND_IN_CLOUD: cloud,
              LLMSCALE_DOUBLE_LOG: log,
              HOME: cloud,
              KUBECONFIG: undefined,
              AWS_EC2_METADATA_DISABLED: 'true',
              ...env,
            },
          })
        },
        /** Regions whose objects the last apply touched, or tried to. */
        touched: () => findTouched(log),
        /** How far each region came, by the newest receipt. */
        states: () => {
          const { steps } = readReceipts(cwd).at(-1)!
          return Object.fromEntries(
            regions.map((region) => {
              const own = steps.filter(({ stack }) => stack === stackOf(region)).map(({ state }) => state)
              const state = own.includes('failed') ? 'failed' : own.every((each) => each === own[0]) && own[0]
              return [region, state]
            }),
          )
        },
      }
    }

    it('the canary goes first: where it fails, nothing of the others changes', async () => {
      const { cwd, apply, touched, states } = project('{canary: us-east-1}')
      const failed = await apply({ LLMSCALE_STAND_IN_FAIL: '^serving/us-east-1' })
      expect(failed.code).toBe(13)
      expect(states()).toEqual({ 'us-east-1': 'failed', 'ap-south-1': 'pending', 'eu-west-1': 'pending' })
      expect(touched()).toEqual(['us-east-1'])
      for (const region of ['ap-south-1', 'eu-west-1']) expect(stateOf(cwd, region) ?? []).toEqual([])
    })

    it('a region that fails does not stop those beside it, and the next run does what is left', async () => {
      const { cwd, apply, touched, states } = project('{parallel: 3}')
      const failed = await apply({ LLMSCALE_STAND_IN_FAIL: '^serving/eu-west-1' })
      expect(failed.code).toBe(13)
      expect(JSON.parse(failed.stdout).error.message).toContain(
        'the stand-in refuses to change serving/eu-west-1',
      )
      expect(states()).toEqual({ 'us-east-1': 'done', 'ap-south-1': 'done', 'eu-west-1': 'failed' })
      expect(touched()).toEqual(regions)

      const next = await apply()
      expect(next.code).toBe(0)
      expect(touched()).toEqual(['eu-west-1'])
      expect(states()).toEqual({ 'us-east-1': 'done', 'ap-south-1': 'done', 'eu-west-1': 'done' })
      for (const region of regions) expectOwn(cwd, region)
      const { stacks } = Result.parse(JSON.parse(next.stdout).result)
      expect(stacks.map(({ stack, region }) => [stack, region])).toEqual(
        regions.map((region) => [stackOf(region), region]),
      )
      for (const { region, guards } of stacks)
        expect(guards.find(({ guard }) => guard === 'environment')?.message).toBe(`prod, ${region}`)
      const { warnings } = JSON.parse(next.stdout)
      expect(warnings).toMatchObject([{ code: 'RUN_UNFINISHED' }])
      expect(warnings[0].message).toContain('left: serving of prod.eu-west-1.serving')
      expect(warnings[0].message).not.toMatch(/ap-south-1|us-east-1/)
    })
  },
)

function readReceipts(cwd: string): Receipt[] {
  const folder = join(cwd, '.llmscale/state/receipts/prod')
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  return names.map((name) => Receipt.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
}

function findTouched(log: string): string[] {
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ call, preview }) => ['create', 'update', 'delete'].includes(call) && preview !== true)
  return [...new Set(calls.map(({ urn }) => urn.split('.')[1]))].sort()
}
