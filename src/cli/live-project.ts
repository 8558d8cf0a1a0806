import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { Environment } from '../config/environment.js'
import type { Config } from '../config/schema.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { planFolder } from '../delivery/plan-folder.js'
import { cloneProject, type ProjectClone } from '../delivery/project-clone.js'
import { readRenewal } from '../delivery/renewal-file.js'
import { fitInThread } from '../live/fit-models.js'
import type { ReadDemand } from '../live/load-window.js'
import { openPlanSource, type PlanSource, watchPlan } from '../live/plan-source.js'
import type { RefreshSettings } from '../live/refresh.js'
import { tableSource } from '../live/table-source.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { listSources, openSources } from '../metrics/open-sources.js'
import type { DemandOptions } from '../metrics/read-demand.js'
import { readPlannedDemand } from './planned-demand.js'
import { environmentOf, readConfig } from './project.js'

/** Where an exporter reads its configuration, plan and demand. */
export interface LiveProject {
  config: Config
  configPath: string
  environment: string
  settings: Environment
  /** Of forecasts/. */
  folder: string
  clone: ProjectClone | undefined
}

/**
 * Opens the project of a folder or, with `from`, of a clone; a relative path of llmscale.yaml is then one in the clone.
 * Throws what `cloneProject`, `readConfig` and `environmentOf` throw.
 */
export async function openLiveProject(flags: {
  config: string
  env: string | undefined
  from: string | undefined
}): Promise<LiveProject> {
  const clone = flags.from === undefined ? undefined : await cloneProject(flags.from)
  try {
    const isInClone = clone !== undefined && !isAbsolute(flags.config)
    const configPath = isInClone ? join(clone.folder, flags.config) : flags.config
    const config = await readConfig(configPath)
    const { name: environment, environment: settings } = environmentOf(config, flags.env)
    const folder = clone?.folder ?? resolve(dirname(configPath))
    return { config, configPath, environment, settings, folder, clone }
  } catch (error) {
    await clone?.remove()
    throw error
  }
}

/** The plan in force by the flags, renewed or held. Throws what `openPlanSource` throws. */
export async function openPlan(
  { environment, settings, folder, clone }: LiveProject,
  flags: { plan: string | undefined; ref: string | undefined },
): Promise<PlanSource> {
  const source = await openPlanSource({
    environment,
    settings,
    projectFolder: folder,
    folder: clone === undefined ? flags.plan : join(folder, planFolder(environment)),
    ref: flags.ref,
  })
  return watchPlan(clone === undefined ? source : followClone(source, clone), async (planId) => {
    const renewal = await readRenewal(await openStateStore(settings, folder), environment, planId)
    return renewal?.validUntil
  })
}

function followClone(source: PlanSource, clone: ProjectClone): PlanSource {
  return {
    ...source,
    read: async () => {
      await clone.refresh()
      return source.read()
    },
  }
}

/** How floors are refreshed; demand is all that came: a floor must hold anomalies too. */
export function refreshSettings(project: LiveProject, source: PlanSource): RefreshSettings {
  const { config, configPath, environment } = project
  const stepSeconds = liveStep(config, environment)
  const readDemand: ReadDemand = async (window) => {
    const now = Date.now() / 1000
    const { options, close } = await openSources(config, { configPath, environment, now, histograms: [] })
    try {
      return await readLive(config, environment, {
        ...options,
        ...window,
        stepSeconds: window.stepSeconds ?? stepSeconds,
      })
    } finally {
      close()
    }
  }
  const { every: everySeconds } = config.live
  return { config, environment, everySeconds, readPlan: source.read, readDemand, fitModels: fitInThread }
}

/** The history in a file, and parts of it as a live run would have read them. Throws what reading it throws. */
export async function openReplay(
  { config, configPath, environment }: LiveProject,
  file: string,
): Promise<{ history: DemandHistory; readDemand: ReadDemand }> {
  const now = Date.now() / 1000
  const context = { configPath, environment, now, histograms: [], files: [file] }
  const { options, close } = await openSources(config, context)
  const { step: stepSeconds } = config.forecast
  const table = await options.sources[0]!.source.read({ stepSeconds }).finally(close)
  const sources = [{ source: tableSource(file, table) }]
  const readDemand: ReadDemand = (window) =>
    readLive(config, environment, { ...options, sources, ...window, stepSeconds })
  return { history: await readDemand({}), readDemand }
}

async function readLive(config: Config, environment: string, options: DemandOptions): Promise<DemandHistory> {
  // No model of live floors reads covariates: one that cannot be read must not stop them.
  return (await readPlannedDemand(config, environment, { ...options, covariates: [] }, false)).history
}

/** The step that plans are made from, where it is named; else of a Prometheus that of the refreshes. */
function liveStep(config: Config, environment: string): number | undefined {
  const isPrometheus = listSources(config, environment).some(({ prometheus }) => prometheus !== undefined)
  return config.forecast.step ?? (isPrometheus ? config.live.every : undefined)
}
