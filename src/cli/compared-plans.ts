import { basename } from 'node:path'
import type { Config } from '../config/schema.js'
import { openRevision, type Revision, workTree } from '../delivery/revision.js'
import { digestValue } from '../kit/digest.js'
import { LlmscaleError } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import type { BaseCommand } from './base-command.js'
import { readEventsText } from './calendar.js'
import { makePlan } from './make-plan.js'
import { besideConfig, environmentOf, readConfigOf } from './project.js'

interface ComparisonRequest {
  /** Folders, or names that git knows; without `to` the work tree. */
  from: string
  to: string | undefined
  configPath: string
  environment: string | undefined
  now: EpochSeconds
  metrics: readonly string[] | undefined
  toolVersion: string
}

export interface ComparedPlans {
  environment: string
  /** Undefined where there was none. */
  from: CapacityPlan | undefined
  /** Undefined where neither has one, and both configurations say the same. */
  to: CapacityPlan | undefined
  /** Where each was found, for people. */
  places: { from: string; to: string }
  /** Set where both were made for this; whether they had the same demand to go by. */
  madeNow: { isSameDemand: boolean } | undefined
}

/**
 * The plans of two revisions of a project. Where both have the same plan, or none, but another configuration, each
 * configuration is planned now, over the plan in force: else what a change of llmscale.yaml does could be seen only
 * after its merge.
 *
 * Throws `badData` PLAN_MISSING, and what opening revisions, reading plans and configurations, and planning throw.
 */
export async function comparePlans(command: BaseCommand, request: ComparisonRequest): Promise<ComparedPlans> {
  const { configPath } = request
  const project = besideConfig(configPath, '.')
  const before = await openRevision(project, request.from)
  const after = request.to === undefined ? workTree(project) : await openRevision(project, request.to)
  const config = await findConfig(after, configPath)
  const environment =
    config === undefined
      ? (await after.readPlan(''))!.decision.environment
      : environmentOf(config, request.environment).name
  const from = await before.readPlan(environment)
  const to = await after.readPlan(environment)
  const found = { environment, places: { from: before.place, to: after.place } }
  if (config !== undefined && before.readText !== undefined && from?.planId === to?.planId) {
    const old = await readConfigOf(before, configPath)
    const said = async (each: Config | undefined, revision: Revision) =>
      each && digestValue([each, (await readEventsText(each, { configPath, revision })) ?? null])
    if ((await said(old, before)) !== (await said(config, after))) {
      const sides = [
        { config: old, revision: before },
        { config, revision: after },
      ] as const
      return { ...found, ...(await makeBoth(command, request, environment, to, sides)) }
    }
  }
  if (to !== undefined || from === undefined) return { ...found, from, to, madeNow: undefined }
  throw new LlmscaleError('badData', 'PLAN_MISSING', `${after.place} has no plan of ${environment}`, [
    'llmscale plan makes one.',
  ])
}

/** Undefined for a folder that has a plan alone. */
async function findConfig(revision: Revision, path: string): Promise<Config | undefined> {
  if (revision.readText === undefined) return undefined
  const config = await readConfigOf(revision, path)
  if (config !== undefined) return config
  throw new LlmscaleError(
    'configInvalid',
    'CONFIG_MISSING',
    `${revision.nameFile(basename(path))} does not exist.`,
    ['Name another with --config.'],
  )
}

/** A configuration that is new, or that lacked the environment, had no plan to compare with. */
async function makeBoth(
  command: BaseCommand,
  { configPath, metrics, now, toolVersion }: ComparisonRequest,
  environment: string,
  baseline: CapacityPlan | undefined,
  [{ config: old, revision: before }, { config, revision: after }]: readonly [
    { config: Config | undefined; revision: Revision },
    { config: Config; revision: Revision },
  ],
): Promise<Pick<ComparedPlans, 'from' | 'to' | 'madeNow'>> {
  const make = async (each: Config, revision: Revision) => {
    const { plan } = await makePlan(command, {
      config: each,
      revision,
      environment,
      baseline,
      now,
      demand: { config: configPath, metrics },
      allowedPurchases: [],
      toolVersion,
    })
    return plan
  }
  const known = command.warnings.length
  const from = old?.environments[environment] === undefined ? undefined : await make(old, before)
  // What was wrong with the configuration before is of no use to anybody.
  command.warnings.length = known
  const to = await make(config, after)
  const isSameDemand =
    metrics !== undefined || old === undefined || digestValue(old.metrics) === digestValue(config.metrics)
  return { from, to, madeNow: { isSameDemand } }
}
