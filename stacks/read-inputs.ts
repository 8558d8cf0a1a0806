import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createPolicies } from '../policies/index.js'
import type { Config } from '../src/config/schema.js'
import { LlmscaleError } from '../src/kit/errors.js'
import type { EpochSeconds } from '../src/kit/units.js'
import { Hold } from '../src/planning/guards.js'
import { parsePlan } from '../src/planning/plan-file.js'
import type { ProgramInputs } from './check-inputs.js'

/** Where a program's inputs lie. */
export interface InputSources {
  config: Config
  environment: string
  region: string
  /** `forecasts/<env>`: the plan, its workloads and `holds/`. */
  planFolder: string
  /** The same of the plan in force. */
  baselineFolder?: string
  now: EpochSeconds
}

/** Reads what a stack deploys and what may forbid it. Throws as `parsePlan` does, and HOLD_UNREADABLE. */
export async function readProgramInputs(sources: InputSources): Promise<ProgramInputs> {
  const { config, environment, region, planFolder, baselineFolder, now } = sources
  const files = await readTexts(planFolder)
  return {
    config,
    plan: parsePlan(files, planFolder),
    environment,
    region,
    now,
    holds: parseHolds(files, planFolder),
    ...(baselineFolder !== undefined && {
      baseline: parsePlan(await readTexts(baselineFolder), baselineFolder),
    }),
    decreaseCap: config.planning.decreaseCap,
    policies: createPolicies({ spotCap: config.planning.spotCap }),
  }
}

/** Every YAML file of a folder by its path in it; empty where there is no folder. */
async function readTexts(folder: string): Promise<Map<string, string>> {
  const paths = await readdir(folder, { recursive: true }).catch(() => [])
  const files = new Map<string, string>()
  for (const path of paths.filter((each) => each.endsWith('.yaml')).sort())
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
        ['A hold is {reason, by, until}; until may be left out.'],
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
