import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runRollout } from '../../src/delivery/rollout.js'
import type { Pool } from '../../src/planning/capacity-plan.js'
import { expandPools, planRollout, type RolloutStep } from '../../src/planning/rollout.js'
import { pool } from '../plan-fixture.js'

const stacksOf = (...regions: string[]) =>
  regions.flatMap((region) =>
    (['capacity', 'serving'] as const).map((layer) => ({ stack: `prod.${region}.${layer}`, region, layer })),
  )

describe('the order of an apply', () => {
  it('expands capacity, changes serving, contracts capacity', () => {
    expect(planRollout(stacksOf('us-east-1')).flat(2)).toEqual([
      { stack: 'prod.us-east-1.capacity', region: 'us-east-1', step: 'expand' },
      { stack: 'prod.us-east-1.serving', region: 'us-east-1', step: 'serving' },
      { stack: 'prod.us-east-1.capacity', region: 'us-east-1', step: 'contract' },
      { stack: 'prod.us-east-1.serving', region: 'us-east-1', step: 'contract' },
    ])
  })

  it('lets pools only grow until serving has moved', () => {
    const Pools = fc
      .uniqueArray(fc.constantFrom<Pool['capacityType']>('on-demand', 'spot', 'reserved'))
      .chain((types) =>
        fc.tuple(
          ...types.map((capacityType) =>
            fc.nat(50).map((maximumNodes) => pool({ capacityType, maximumNodes })),
          ),
        ),
      )
    const nodesOf = (pools: readonly Pool[], name: string) =>
      pools.find(({ capacityType }) => capacityType === name)?.maximumNodes ?? 0
    fc.assert(
      fc.property(Pools, Pools, (deployed, next) => {
        const expanded = expandPools(deployed, next)
        for (const name of ['on-demand', 'spot', 'reserved'])
          expect(nodesOf(expanded, name)).toBe(Math.max(nodesOf(deployed, name), nodesOf(next, name)))
        expect(expandPools(next, next)).toEqual(next)
      }),
    )
  })

  it('puts a canary region first and alone, and every stack in whatever there is', () => {
    const Regions = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
    fc.assert(
      fc.property(Regions, fc.constantFrom('a', 'b', 'z', undefined), (regions, canary) => {
        const waves = planRollout(stacksOf(...regions), canary)
        expect(waves.flat(2)).toHaveLength(4 * regions.length)
        if (canary !== undefined && regions.includes(canary) && regions.length > 1) {
          expect(waves).toHaveLength(2)
          expect(waves[0]!.flat().every(({ region }) => region === canary)).toBe(true)
        } else expect(waves).toHaveLength(1)
      }),
    )
  })
})

describe('a rollout', () => {
  /** Runs all steps; `fails` says which do. */
  async function run(waves: RolloutStep[][][], fails: (step: RolloutStep) => boolean, parallel = 4) {
    const notes: string[] = []
    const failure = await runRollout(waves, {
      parallel,
      run: async (step) => {
        if (fails(step)) throw new Error(`${step.stack} failed`)
        return { changed: { create: 1 }, outputDigest: 'digest' }
      },
      note: async ({ stack, step, state }) => {
        notes.push(`${stack.split('.')[1]} ${step} ${state}`)
      },
    }).catch((error: unknown) => error)
    return { notes, failure }
  }

  it('ends a region at its failure, lets others of the wave end, and begins no wave after it', async () => {
    const waves = planRollout(stacksOf('a', 'b', 'c'), 'a')
    const canary = await run(waves, ({ region, step }) => region === 'a' && step === 'serving')
    expect(canary.failure).toMatchObject({ message: 'prod.a.serving failed' })
    expect(canary.notes).toEqual([
      'a expand running',
      'a expand done',
      'a serving running',
      'a serving failed',
    ])

    const { notes } = await run(waves, ({ region, step }) => region === 'b' && step === 'expand')
    expect(notes.filter((note) => note.startsWith('a'))).toContain('a contract done')
    expect(notes.filter((note) => note.startsWith('b'))).toEqual(['b expand running', 'b expand failed'])
    expect(notes).toContain('c contract done')
  })

  it('begins no further region after a failure', async () => {
    const { notes } = await run(planRollout(stacksOf('a', 'b', 'c')), ({ region }) => region === 'a', 1)
    expect(notes).toEqual(['a expand running', 'a expand failed'])
  })
})
