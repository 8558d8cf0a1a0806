import { dirname, isAbsolute, join, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { readPlannedDemand } from '../cli/planned-demand.js'
import { environmentOf, readConfig } from '../cli/project.js'
import type { Environment } from '../config/environment.js'
import type { Config } from '../config/schema.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { planFolder } from '../delivery/plan-folder.js'
import { cloneProject, type ProjectClone } from '../delivery/project-clone.js'
import { readRenewal } from '../delivery/renewal-file.js'
import { onInterrupt } from '../kit/interrupt.js'
import { printable } from '../kit/printable.js'
import { formatInstant } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import { createFamilies } from '../live/live-metrics.js'
import { judgeWorkloads, type Snapshot, templateReasons } from '../live/live-state.js'
import type { ReadDemand } from '../live/load-window.js'
import { formatExposition } from '../live/open-metrics.js'
import { openPlanSource, type PlanSource, watchPlan } from '../live/plan-source.js'
import { createRefresher, type RefreshSettings } from '../live/refresh.js'
import { readClocks, runExporter } from '../live/run-exporter.js'
import { formatLogEntry, formatLogJson, type Log } from '../live/state-log.js'
import { listSources, openSources } from '../metrics/open-sources.js'

export const Result = z.strictObject({
  environment: z.string(),
  planId: z.string(),
  place: z.string().describe('Where the plan was read.'),
  dataEnd: z.string().nullable().describe('End of the last complete step; null where the source has none.'),
  workloads: z.array(
    z.strictObject({
      workload: z.string(),
      template: z.int(),
      floor: z.int().describe('The template, raised by the live floor.'),
      state: z.enum(['following', 'template']),
      reason: z.enum(['live', ...templateReasons]),
      detail: z.string(),
    }),
  ),
})

export default class Serve extends BaseCommand {
  static override description =
    'Publish the live floor of each workload for Prometheus: the reviewed template, raised every few minutes within what the merged plan allows.'
  static override examples = [
    '<%= config.bin %> serve --env production',
    '<%= config.bin %> serve --env production --once',
    '<%= config.bin %> serve --env production --from git+https://github.com/owner/repo.git#main --host 0.0.0.0 --json',
  ]
  static override flags = {
    plan: Flags.string({
      description:
        'Folder of the plan; it must be as on the reviewed branch where the environment asks for approval.',
      exclusive: ['ref', 'from'],
    }),
    ref: Flags.string({
      description:
        'Branch or commit of this repository; default the reviewed branch at origin, or forecasts/<env>.',
      exclusive: ['from'],
    }),
    from: Flags.string({
      description:
        'Project to clone, with its llmscale.yaml: git+https://host/owner/repo.git#branch[:folder].',
    }),
    host: Flags.string({ description: 'Address to listen on.', default: '127.0.0.1' }),
    port: Flags.integer({ description: 'Port to listen on; default live.port.', min: 0, max: 65_535 }),
    once: Flags.boolean({ description: 'Refresh once, print the metrics and end.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Serve)
    const clone = flags.from === undefined ? undefined : await cloneProject(flags.from)
    try {
      const project = await openProject(flags, clone)
      const settings = await this.openSettings(project, flags)
      if (flags.once) return await this.refreshOnce(settings)
      const exporter = await runExporter({
        ...settings,
        host: flags.host,
        port: flags.port ?? project.config.live.port,
        log: this.createLog(),
      })
      onInterrupt(async () => {
        await Promise.all([exporter.close(), clone?.remove()])
        process.exit(0)
      })
      return await new Promise(() => undefined)
    } finally {
      await clone?.remove()
    }
  }

  private async openSettings(
    { config, configPath, environment, settings, folder, clone }: Project,
    flags: { plan: string | undefined; ref: string | undefined },
  ): Promise<RefreshSettings> {
    const choice = { environment, settings, projectFolder: folder }
    const source =
      clone === undefined
        ? await openPlanSource({ ...choice, folder: flags.plan, ref: flags.ref })
        : followClone(
            await openPlanSource({ ...choice, folder: join(folder, planFolder(environment)) }),
            clone,
          )
    const watched = watchPlan(source, async (planId) => {
      const renewal = await readRenewal(await openStateStore(settings, folder), environment, planId)
      return renewal?.validUntil
    })
    return {
      config,
      environment,
      everySeconds: config.live.every,
      readPlan: watched.read,
      readDemand: openDemand(config, configPath, environment),
    }
  }

  private async refreshOnce(settings: RefreshSettings): Promise<z.infer<typeof Result>> {
    this.progress('Reading demand …')
    const refresher = await createRefresher(settings, readClocks())
    await refresher.refresh(readClocks())
    const at = readClocks()
    const snapshot = refresher.snapshot()
    const statuses = judgeWorkloads(snapshot, at, settings.everySeconds)
    this.noteFailures(snapshot)
    this.log(
      formatExposition(createFamilies(settings.environment, snapshot, statuses, [], at), 'text').trimEnd(),
    )
    const { reading, dataEnd } = snapshot
    return {
      environment: settings.environment,
      planId: reading.plan.planId,
      place: reading.place,
      dataEnd: dataEnd === undefined ? null : formatInstant(dataEnd),
      workloads: statuses.map(({ workload, template, floor, state }) => ({
        workload: workloadId(workload),
        template,
        floor,
        ...state,
      })),
    }
  }

  private noteFailures({ failure, planFailure }: Snapshot): void {
    for (const each of [planFailure, failure])
      if (each !== undefined) this.note({ code: each.code, message: each.message })
  }

  private createLog(): Log {
    const format = this.jsonEnabled() ? formatLogJson : formatLogEntry
    return (entry) => process.stderr.write(`${printable(format(entry))}\n`)
  }
}

interface Project {
  config: Config
  configPath: string
  environment: string
  settings: Environment
  /** Of llmscale.yaml and forecasts/. */
  folder: string
  clone: ProjectClone | undefined
}

/** A relative path of llmscale.yaml is one in the clone, where there is one. */
async function openProject(
  flags: { config: string; env: string | undefined },
  clone: ProjectClone | undefined,
): Promise<Project> {
  const configPath =
    clone === undefined || isAbsolute(flags.config) ? flags.config : join(clone.folder, flags.config)
  const config = await readConfig(configPath)
  const { name: environment, environment: settings } = environmentOf(config, flags.env)
  const folder = clone?.folder ?? resolve(dirname(configPath))
  return { config, configPath, environment, settings, folder, clone }
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

/** Demand of the planned workloads, all that came: a floor must hold anomalies too. */
function openDemand(config: Config, configPath: string, environment: string): ReadDemand {
  const hasPrometheus = listSources(config, environment).some(({ prometheus }) => prometheus !== undefined)
  const stepSeconds = config.forecast.step ?? (hasPrometheus ? config.live.every : undefined)
  return async (window) => {
    const now = Date.now() / 1000
    const { options, close } = await openSources(config, { configPath, environment, now, histograms: [] })
    try {
      const demand = { ...options, ...window, stepSeconds }
      return (await readPlannedDemand(config, environment, demand, false)).history
    } finally {
      close()
    }
  }
}
