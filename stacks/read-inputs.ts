import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createPolicies } from '../policies/index.js'
import type { Config } from '../src/config/schema.js'
import { LlmscaleError } from '../src/kit/errors.js'
import type { EpochSeconds } from '../src/kit/units.js'
import { Hold } from '../src/planning/guards.js'
import { parsePlan } from '../src/planning/plan-file.js'
import { parseReviewedChanges, reviewedChangesFile } from '../src/planning/reviewed-changes.js'
import type { EnvironmentInputs } from './check-inputs.js'

/** Where the inputs of an environment's stacks lie. */
export interface InputSources {
  config: Config
  environment: string
  /** `forecasts/<env>`: the plan, its workloads, `changes.json` and `holds/`. */
  planFolder: string
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
  const { config, environment, planFolder, baselineFolder, backend, now } = sources
  const files = await readTexts(planFolder)
  const changes = files.get(reviewedChangesFile)
  const budgetUsdPerDay = config.environments[environment]?.budget?.usdPerDay
  const { LLMSCALE_KILL_SWITCH: killSwitch, GITHUB_ACTIONS: actions } = process.env
  return {
    config,
    plan: parsePlan(files, planFolder),
    environment,
    now,
    holds: parseHolds(files, planFolder),
    ...(changes !== undefined && {
      reviewed: parseReviewedChanges(changes, join(planFolder, reviewedChangesFile)),
    }),
    ...(baselineFolder !== undefined && {
      baseline: parsePlan(await readTexts(baselineFolder), baselineFolder),
    }),
    decreaseCap: config.planning.decreaseCap,
    ...(killSwitch !== undefined && { killSwitch }),
    ...(backend !== undefined && { backend }),
    onRunner: actions === 'true',
    ...(budgetUsdPerDay !== undefined && { budgetUsdPerDay }),
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

/** A hold that cannot be read is still a hold: it refuses. */
function parseHolds(files: ReadonlyMap<string, string>, folder: string): Hold[] {
  return [...files]
    .filter(([path]) => path.startsWith('holds/'))
    .map(([path, text]) => {
      const result = Hold.safeParse(parseOrText(text))
      if (result.success) return result.data
      const issue = result.error.issues[0]!
      throw new LlmscaleError(
        'hold',
        'HOLD_UNREADABLE',
        `${folder}/${path} ${issue.path.join('.')}: ${issue.message}`,
        ['A hold is {reason, by, until, except}; until and except may be left out.'],
      )
    })
}

function parseOrText(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return text
  }
}
