import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result as Applied } from '../../src/commands/apply.js'
import { Result as Planned } from '../../src/commands/plan.js'
import { parseUrn } from '../../src/planning/change-set.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { asOf, config, fleetFolder, hourlyDemand } from './fleet-fixture.js'

// A reservation that llmscale buys bills from its creation to its `until`; EC2 ends it up to an hour later.

const end = '2026-03-18T00:00:00Z'
const reservation = (name: string, zone: string, until: string) =>
  `{ name: ${name}, region: us-east-1, zone: ${zone}, instanceType: p5.48xlarge, nodes: 1, until: ${until} }`
const winter = reservation('winter', 'us-east-1b', end)
const spring = reservation('spring', 'us-east-1c', '2026-06-01')

/** A fleet on Karpenter with demand for several nodes, and a cloud of its own. */
function project(reservations: string[]) {
  const settings = `
    regions: [us-east-1]
    clusters: { us-east-1: { name: prod } }
    reservations: [${reservations.join(', ')}]`
  const trigger = 'trigger: { serverAddress: "http://prometheus:9090", query: "sum(running)" }\n'
  const cwd = fleetFolder({
    config: config.replace(' { regions: [us-east-1] }', settings) + trigger,
    demand: hourlyDemand({ requests: 2_000_000 }),
  })
  const cloud = emptyFolder()
  const env = {
    ...engineEnvironment,
    LLMSCALE_STAND_IN_CLOUD: cloud,
    HOME: cloud,
    KUBECONFIG: undefined,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const run = async (command: string, args: string[]) => {
    const { code, stdout, stderr } = await runCommand([command, ...args, '--json'], { cwd, env })
    expect(stderr).toBe('')
    return { code, ...JSON.parse(stdout) }
  }
  const folder = join(cloud, 'aws', encodeURIComponent('aws:ec2/capacityReservation:CapacityReservation'))
  return {
    plan: (at: string, ...args: string[]) => run('plan', ['--as-of', at, ...args]),
    apply: (at: string, ...args: string[]) => run('apply', ['--as-of', at, '--yes', ...args]),
    /** File in the cloud of each reservation that it has, by name. */
    bought: () =>
      Object.fromEntries(
        readdirSync(folder).map((file) => {
          const { tags } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
          return [tags['llmscale/reservation'], join(folder, file)] as const
        }),
      ),
  }
}

const codesOf = ({ result }: { result: unknown }) =>
  Planned.parse(result).header.findings.map(({ code }) => code)

/** What an apply did: its steps, its verdicts of one guard, and `update NodePool …` of each change. */
function readApply({ code, result }: { code: number; result: unknown }) {
  expect(code).toBe(0)
  const { stacks, steps } = Applied.parse(result)
  return {
    steps: steps.map(({ stack, step, state }) => `${step} ${stack.split('.').at(-1)} ${state}`),
    verdicts: (guard: string) =>
      stacks.flatMap(({ guards }) =>
        guards.filter((each) => each.guard === guard).map((each) => each.message),
      ),
    changes: stacks.flatMap(({ changes }) =>
      changes.map(({ op, urn }) => {
        const { type, name } = parseUrn(urn)
        return `${op} ${type.split(':').at(-1)} ${name}`
      }),
    ),
  }
}

describe.skipIf(engineFolder === undefined)(
  `a reservation that comes to its end${engineNote}, stand-in for AWS`,
  { timeout: 600_000 },
  () => {
    it('is bought by name, let go of without permission once EC2 has ended it, and takes nothing with it', async () => {
      const { plan, apply, bought } = project([winter, spring])
      const first = await plan(asOf, '--allow-purchase', 'winter', '--allow-purchase', 'spring')
      expect(codesOf(first)).toEqual(expect.arrayContaining(['PURCHASE_PLANNED', 'RESERVATION_ENDS']))
      const half = await apply(asOf, '--allow-purchase', 'spring')
      expect([half.code, half.error.code, half.error.message]).toEqual([
        5,
        'PURCHASE_NOT_ALLOWED',
        'it buys winter, which nobody allowed',
      ])
      const buying = readApply(await apply(asOf, '--allow-purchase', 'winter', '--allow-purchase', 'spring'))
      expect(buying.verdicts('purchases')).toContain('allowed: spring, winter')
      expect(Object.keys(bought()).sort()).toEqual(['prod/spring', 'prod/winter'])

      const second = await plan(end)
      expect(second).toMatchObject({ code: 0, result: { changed: true, deletions: [] } })
      expect(codesOf(second)).toContain('RESERVATION_ENDED')
      const early = await apply(end)
      expect([early.code, early.error.code]).toEqual([13, 'RESOURCE_PROTECTED'])
      expect(early.error.message).toContain('CapacityReservation::winter')
      expect(early.error.tryThis[0]).toContain('EC2 takes up to an hour after that')
      expect(Object.keys(bought())).toHaveLength(2)

      rmSync(bought()['prod/winter']!)
      const left = bought()
      const ending = readApply(await apply(end))
      expect(ending.verdicts('deletions')).toEqual(Array(2).fill('nothing is deleted or replaced'))
      expect(ending.verdicts('purchases')).toEqual(Array(2).fill('nothing is bought'))
      expect(ending.changes).toEqual([
        'update NodePool prod-p5-48xlarge-on-demand-e88e2a',
        'update NodePool prod-p5-48xlarge-reserved-171990',
      ])
      expect(ending.steps).toEqual([
        'expand capacity done',
        'serving serving done',
        'contract capacity done',
        'contract serving done',
      ])
      expect(bought()).toEqual(left)
    })
  },
)

describe('a plan after the end of the only reservation', { timeout: 180_000 }, () => {
  it('takes its pool away only by name, as nodes may still run there', async () => {
    const { plan } = project([winter])
    await plan(asOf, '--allow-purchase', 'winter')
    const pool = 'us-east-1/p5.48xlarge/reserved'
    const refused = await plan(end)
    expect([refused.code, refused.error.message]).toEqual([
      5,
      `this plan deletes ${pool}; each deletion needs its own permission`,
    ])
    const { result } = await plan(end, '--allow-delete', pool)
    expect(result).toMatchObject({ changed: true, deletions: [pool] })
  })
})
