import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { formatPlan, parsePlan } from '../planning/plan-file.js'
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

/** Writes the files of a plan, all or none, and removes the files of workloads that it no longer has. */
export async function writePlan(folder: string, plan: CapacityPlan): Promise<string[]> {
  const files = new Map([...formatPlan(plan)].map(([path, text]) => [join(folder, path), text]))
  await writeFilesWhole(files)
  for (const path of await workloadFiles(folder))
    if (!files.has(join(folder, path))) await rm(join(folder, path))
  return [...files.keys()]
}

async function workloadFiles(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'workloads')).catch(() => [])
  return names
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .map((name) => `workloads/${name}`)
}
