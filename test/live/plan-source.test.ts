import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { openPlanSource, type PlanChoice, watchPlan } from '../../src/live/plan-source.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { git } from '../delivery/state-places.js'
import { writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { liveConfigText, livePlan } from './live-fixture.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** A clone of a repository whose branch main has a plan. */
function clonedProject(plan = livePlan()): { project: string; remote: string } {
  const remote = join(emptyFolder(), 'remote.git')
  const project = emptyFolder()
  git('.', 'init', '--quiet', '--bare', '-b', 'main', remote)
  git(project, 'init', '--quiet', '-b', 'main')
  git(project, 'config', 'user.name', 'Ana')
  git(project, 'config', 'user.email', 'ana@example.org')
  git(project, 'remote', 'add', 'origin', remote)
  writeFileSync(join(project, 'llmscale.yaml'), liveConfigText())
  commitPlan(project, plan)
  git(project, 'push', '--quiet', 'origin', 'main')
  return { project, remote }
}

function commitPlan(project: string, plan: CapacityPlan): void {
  writePlanFiles(join(project, 'forecasts/prod'), plan)
  git(project, 'add', '.')
  git(project, 'commit', '--quiet', '-m', 'Plan')
}

const choose = (projectFolder: string, fields: Partial<PlanChoice> = {}): PlanChoice => ({
  environment: 'prod',
  settings: { approval: 'git', reviewedBranch: 'main', backend: undefined },
  projectFolder,
  ...fields,
})
const unreviewed = { approval: 'none', reviewedBranch: 'main', backend: undefined } as const
const next = livePlan({ hardMaximum: 39 })

describe('the plan that is followed', () => {
  it('is that of the reviewed branch at origin, and after a merge the new one with its holds', async () => {
    const { project } = clonedProject()
    const source = await openPlanSource(choose(project))
    expect((await source.read()).plan).toEqual(livePlan())
    commitPlan(project, next)
    expect((await source.read()).plan.planId).toBe(livePlan().planId)
    mkdirSync(join(project, 'forecasts/prod/holds'))
    writeFileSync(join(project, 'forecasts/prod/holds/launch.yaml'), 'reason: launch\nby: ana\n')
    writeFileSync(join(project, 'forecasts/prod/holds/odd.yaml'), 'reason: 3\n')
    commitPlan(project, next)
    git(project, 'push', '--quiet', 'origin', 'main')
    const { plan, holds, place } = await source.read()
    expect(plan).toEqual(next)
    expect(holds).toEqual([
      { name: 'launch', hold: { reason: 'launch', by: 'ana' } },
      { name: 'odd', hold: undefined },
    ])
    expect(place).toMatch(/^main of .*remote\.git \([0-9a-f]{10}\)$/)
  })

  it('is never one that nobody approved', async () => {
    const { project } = clonedProject()
    git(project, 'checkout', '--quiet', '-b', 'wish')
    commitPlan(project, next)
    for (const ref of ['wish', 'origin/wish', 'HEAD~0'])
      await expect(openPlanSource(choose(project, { ref }))).rejects.toMatchObject({
        code: 'PLAN_UNAPPROVED',
        reason: 'approvalMissing',
      })
    const folder = await openPlanSource(choose(project, { folder: join(project, 'forecasts/prod') }))
    expect(await folder.read()).toMatchObject({ plan: next, refusal: { reason: 'plan-superseded' } })
    git(project, 'checkout', '--quiet', 'main')
    const merged = await folder.read()
    expect([merged.plan, merged.refusal]).toEqual([livePlan(), undefined])
  })

  it('is any where the environment asks for no approval', async () => {
    const { project } = clonedProject()
    commitPlan(project, next)
    const planOf = async (fields: Partial<PlanChoice>) =>
      (await (await openPlanSource(choose(project, { settings: unreviewed, ...fields }))).read()).plan.planId
    expect(await planOf({})).toBe(next.planId)
    expect(await planOf({ ref: 'HEAD~1' })).toBe(livePlan().planId)
    expect(await planOf({ ref: 'origin/main' })).toBe(livePlan().planId)
    expect(await planOf({ folder: join(project, 'forecasts/prod') })).toBe(next.planId)
  })

  it('is neither of another environment, nor edited, nor missing', async () => {
    const { project } = clonedProject()
    const folder = join(project, 'forecasts/prod')
    const other = await openPlanSource(
      choose(project, { environment: 'stage', settings: unreviewed, folder }),
    )
    await expect(other.read()).rejects.toMatchObject({ code: 'PLAN_OF_OTHER_ENVIRONMENT', exitCode: 3 })
    const missing = await openPlanSource(choose(project, { environment: 'stage', settings: unreviewed }))
    await expect(missing.read()).rejects.toMatchObject({ code: 'PLAN_MISSING' })
    writePlanFiles(folder, { ...livePlan(), planId: 'f'.repeat(64) })
    const edited = await openPlanSource(choose(project, { settings: unreviewed }))
    await expect(edited.read()).rejects.toMatchObject({ code: 'PLAN_DIGEST_MISMATCH' })
  })

  it('asks for a remote where there is none', async () => {
    const project = emptyFolder()
    git(project, 'init', '--quiet', '-b', 'main')
    await expect(openPlanSource(choose(project))).rejects.toMatchObject({ code: 'REMOTE_MISSING' })
  })
})

describe('what changes without a change of the files', () => {
  const late = { validUntil: '2026-01-01T00:00:00Z' }
  const ended = { place: 'x', read: async () => ({ plan: livePlan({}, late), holds: [], place: 'x' }) }
  const never = async () => {
    throw new Error('asked')
  }

  it('the kill switch holds every plan', async () => {
    const valid = livePlan({}, { validUntil: '2999-01-01T00:00:00Z' })
    const present = { place: 'x', read: async () => ({ plan: valid, holds: [], place: 'x' }) }
    expect((await watchPlan(present, never).read()).holds).toEqual([])
    vi.stubEnv('LLMSCALE_KILL_SWITCH', '1')
    expect((await watchPlan(present, never).read()).holds).toHaveLength(1)
  })

  it('a plan that has ended may be renewed; what cannot be asked has not renewed it', async () => {
    const renewedUntil = '2027-01-01T00:00:00Z'
    expect(await watchPlan(ended, async () => renewedUntil).read()).toMatchObject({ renewedUntil })
    const away = async () => {
      throw new LlmscaleError('upstreamUnavailable', 'GIT_FAILED', 'away')
    }
    expect((await watchPlan(ended, away).read()).renewedUntil).toBeUndefined()
  })
})
