import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { formatPlan, parsePlan } from '../planning/plan-file.js'
import { chartPath } from '../review/demand-chart.js'
import { writeFilesWhole } from './files.js'

/** Where the plan of an environment lies, beside llmscale.yaml. */
export function planFolder(environment: string): string {
  return join('forecasts', environment)
}

/** The plan in a folder, both digests checked. Throws PLAN_MISSING, PLAN_UNREADABLE or PLAN_DIGEST_MISMATCH. */
export async function readPlan(folder: string): Promise<CapacityPlan> {
  const files = new Map<string, string>()
  for (const path of ['plan.yaml', ...(await workloadFiles(folder))]) {
    const text = await readFile(join(folder, path), 'utf8').catch(() => undefined)
    if (text !== undefined) files.set(path, text)
  }
  return parsePlan(files, folder)
}

/** The plan in a folder, or undefined where there is none yet. */
export async function readPlanIfAny(folder: string): Promise<CapacityPlan | undefined> {
  const isThere = await readFile(join(folder, 'plan.yaml')).then(
    () => true,
    () => false,
  )
  return isThere ? readPlan(folder) : undefined
}

/**
 * Writes the files of a plan, all or none, and removes the files and charts of workloads that it no longer has.
 * @param charts path relative to the folder → SVG; the chart of a workload that has none here stays as it was drawn
 */
export async function writePlan(
  folder: string,
  plan: CapacityPlan,
  charts: ReadonlyMap<string, string> = new Map(),
): Promise<string[]> {
  const files = formatPlan(plan)
  const written = new Map([...files, ...charts].map(([path, text]) => [join(folder, path), text]))
  await writeFilesWhole(written)
  const known = new Set([...files.keys(), ...plan.decision.workloads.map(chartPath)])
  for (const path of [...(await workloadFiles(folder)), ...(await chartFiles(folder))])
    if (!known.has(path)) await rm(join(folder, path))
  return [...written.keys()]
}

function workloadFiles(folder: string): Promise<string[]> {
  return listFiles(folder, 'workloads', '.yaml')
}

function chartFiles(folder: string): Promise<string[]> {
  return listFiles(folder, 'charts', '.svg')
}

async function listFiles(folder: string, part: string, ending: string): Promise<string[]> {
  const names = await readdir(join(folder, part)).catch(() => [])
  return names
    .filter((name) => name.endsWith(ending) && !name.startsWith('.'))
    .map((name) => `${part}/${name}`)
}
