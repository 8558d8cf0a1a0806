import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createPolicies } from '../policies/index.js'
import type { Config } from '../src/config/schema.js'
import type { EpochSeconds } from '../src/kit/units.js'
import { type Hold, parseHold } from '../src/planning/hold.js'
import { parsePlan } from '../src/planning/plan-file.js'
import { parseReviewedChanges, reviewedChangesFile } from '../src/planning/reviewed-changes.js'
import type { EnvironmentInputs } from './check-inputs.js'

/** Where the inputs of an environment's stacks lie. */
export interface InputSources {
  config: Config
  environment: string
  /** `forecasts/<env>`: the plan, its workloads, `changes.json` and `holds/`. */
  planFolder: string
  /** `forecasts/<env>` of the project: its holds count wherever the plan lies. */
  homeFolder: string
  /** The same of the plan in force. */
  baselineFolder?: string
  /** Pulumi backend URL; without it the local one. */
  backend?: string
  now: EpochSeconds
}

/**
 * Reads what the stacks of an environment deploy and what may forbid it.
 * Throws as `parsePlan` and `parseReviewedChanges` do, and HOLD_UNREADABLE.
 */
export async function readEnvironmentInputs(sources: InputSources): Promise<EnvironmentInputs> {
  const { config, environment, planFolder, homeFolder, baselineFolder, backend, now } = sources
  const files = await readTexts(planFolder)
  const changes = files.get(reviewedChangesFile)
  const { budget, autoscaler } = config.environments[environment] ?? {}
  const { LLMSCALE_KILL_SWITCH: killSwitch, GITHUB_ACTIONS: actions } = process.env
  return {
    config,
    plan: parsePlan(files, planFolder),
    environment,
    now,
    holds: [
      ...readHolds(files, planFolder),
      ...(resolve(homeFolder) === resolve(planFolder)
        ? []
        : readHolds(await readTexts(homeFolder), homeFolder)),
    ],
    ...(changes !== undefined && {
      reviewed: parseReviewedChanges(changes, join(planFolder, reviewedChangesFile)),
    }),
    ...(baselineFolder !== undefined && {
      baseline: parsePlan(await readTexts(baselineFolder), baselineFolder),
    }),
    decreaseCap: config.planning.decreaseCap,
    ...(autoscaler !== undefined && { autoscaler }),
    ...(killSwitch !== undefined && { killSwitch }),
    ...(backend !== undefined && { backend }),
    onRunner: actions === 'true',
    ...(budget !== undefined && { budgetUsdPerDay: budget.usdPerDay }),
    policies: createPolicies(config, environment),
  }
}

/** Every YAML file of a folder, and its change set, by its path in it; empty where there is no folder. */
async function readTexts(folder: string): Promise<Map<string, string>> {
  const paths = await readdir(folder, { recursive: true }).catch(() => [])
  const files = new Map<string, string>()
  for (const path of paths.filter((each) => each.endsWith('.yaml') || each === reviewedChangesFile).sort())
    files.set(path, await readFile(join(folder, path), 'utf8'))
  return files
}

function readHolds(files: ReadonlyMap<string, string>, folder: string): Hold[] {
  return [...files]
    .filter(([path]) => path.startsWith('holds/'))
    .map(([path, text]) => parseHold(text, `${folder}/${path}`))
}
