import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import {
  type LiveProject,
  openLiveProject,
  openPlan,
  openReplay,
  refreshSettings,
} from '../cli/live-project.js'
import { createScorer } from '../cli/live-scores.js'
import { formatTable } from '../cli/table.js'
import { writeFileWhole } from '../delivery/files.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatShare, formatUsd } from '../kit/format.js'
import { onInterrupt } from '../kit/interrupt.js'
import { printable } from '../kit/printable.js'
import { formatInstant } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import { createFamilies } from '../live/live-metrics.js'
import { judgeWorkloads, type Snapshot, templateReasons } from '../live/live-state.js'
import { formatExposition } from '../live/open-metrics.js'
import type { PlanSource } from '../live/plan-source.js'
import { createRefresher, type RefreshSettings } from '../live/refresh.js'
import { type ReplayResult, replayCsv, replayExporter, replayedPolicies } from '../live/replay.js'
import { readClocks, runExporter } from '../live/run-exporter.js'
import { formatLogEntry, formatLogJson, type Log } from '../live/state-log.js'

const Score = z.strictObject({
  lateShare: z.number().describe('Share of the load that did not start within its tick of at most 15 s.'),
  replicaHours: z.number(),
  idleReplicaHours: z.number(),
  idleUsd: z.number(),
})

export const Result = z.strictObject({
  environment: z.string(),
  planId: z.string(),
  place: z.string().describe('Where the plan was read.'),
  once: z
    .strictObject({
      dataEnd: z
        .string()
        .nullable()
        .describe('End of the last complete step; null where the source has none.'),
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
    .optional()
    .describe('Of --once.'),
  replay: z
    .strictObject({
      from: z.string(),
      until: z.string(),
      written: z.string(),
      workloads: z.array(
        z.strictObject({
          workload: z.string(),
          decisions: z.int(),
          followed: z.int().describe('Of these, those that followed the live floor.'),
          scores: z.strictObject({
            reactive: Score.describe('The trigger alone, over minReplicas.'),
            template: Score,
            live: Score.describe('The live floor over minReplicas.'),
            plan: Score.describe('The template, raised by the live floor.'),
          }),
        }),
      ),
    })
    .optional()
    .describe('Of --replay; estimated.'),
})

export default class Serve extends BaseCommand {
  static override description =
    'Publish the live floor of each workload for Prometheus: the reviewed template, raised every few minutes within what the merged plan allows.'
  static override examples = [
    '<%= config.bin %> serve --env production',
    '<%= config.bin %> serve --env production --once',
    '<%= config.bin %> serve --from git+https://github.com/owner/repo.git#main --host 0.0.0.0 --json',
    '<%= config.bin %> serve --replay demand.csv --speed max --out decisions.csv',
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
    once: Flags.boolean({ description: 'Refresh once, print the metrics and end.', exclusive: ['replay'] }),
    record: Flags.boolean({
      description: 'Keep scores of the forecast where receipts are, as verify --record does.',
      exclusive: ['once', 'replay'],
    }),
    replay: Flags.string({
      description: 'Run over the history in this file instead, and write each decision.',
      dependsOn: ['out'],
    }),
    speed: Flags.string({
      description: 'Of a replay: as fast as it goes.',
      options: ['max'],
      dependsOn: ['replay'],
    }),
    out: Flags.string({ description: 'CSV file for the decisions of a replay.', dependsOn: ['replay'] }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Serve)
    const project = await openLiveProject({ config: flags.config, env: flags.env, from: flags.from })
    try {
      const plan = await openPlan(project, { plan: flags.plan, ref: flags.ref })
      if (flags.replay !== undefined) return await this.replay(project, plan, flags.replay, flags.out!)
      const settings = refreshSettings(project, plan)
      if (flags.once) return await this.refreshOnce(settings)
      const port = flags.port ?? project.config.live.port
      const log = this.createLog()
      const scorer = createScorer(project, flags.record, log)
      const exporter = await runExporter({ ...settings, host: flags.host, port, log, scorer })
      onInterrupt(async () => {
        scorer.close()
        await Promise.all([exporter.close(), project.clone?.remove()])
        process.exit(0)
      })
      return await new Promise<never>(() => undefined)
    } finally {
      await project.clone?.remove()
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
    const families = createFamilies(settings.environment, snapshot, statuses, [], at)
    this.log(formatExposition(families, 'text').trimEnd())
    const { reading, dataEnd } = snapshot
    return {
      environment: settings.environment,
      planId: reading.plan.planId,
      place: reading.place,
      once: {
        dataEnd: dataEnd === undefined ? null : formatInstant(dataEnd),
        workloads: statuses.map(({ workload, template, floor, state }) => ({
          workload: workloadId(workload),
          template,
          floor,
          ...state,
        })),
      },
    }
  }

  private async replay(
    project: LiveProject,
    source: PlanSource,
    file: string,
    out: string,
  ): Promise<z.infer<typeof Result>> {
    const { plan, place } = await source.read()
    this.progress('Reading demand …')
    const { history, readDemand } = await openReplay(project, file)
    const { config, environment } = project
    const result = await replayExporter({
      config,
      environment,
      everySeconds: config.live.every,
      plan,
      history,
      readDemand,
      onProgress: (done) => this.progress(`Replaying … ${formatShare(done)}`),
    })
    if (result.workloads.length === 0)
      throw new LlmscaleError(
        'badData',
        'NO_ROWS',
        `${file} has no workload of the plan of ${environment}, or no full day of it before the last midnight`,
      )
    await writeFileWhole(out, replayCsv(result))
    this.log(describeReplay(result))
    this.hint(`Wrote ${out}.`)
    return { environment, planId: plan.planId, place, replay: summarizeReplay(result, out) }
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

type ReplaySummary = NonNullable<z.infer<typeof Result>['replay']>

function summarizeReplay({ from, until, workloads }: ReplayResult, written: string): ReplaySummary {
  return {
    from: formatInstant(from),
    until: formatInstant(until),
    written,
    workloads: workloads.map(({ workload, decisions, scores, usdPerReplicaHour }) => {
      const score = (policy: (typeof replayedPolicies)[number]) => ({
        ...scores[policy],
        idleUsd: scores[policy].idleReplicaHours * usdPerReplicaHour,
      })
      return {
        workload: workloadId(workload),
        decisions: decisions.length,
        followed: decisions.filter(({ state }) => state.state === 'following').length,
        scores: {
          reactive: score('reactive'),
          template: score('template'),
          live: score('live'),
          plan: score('plan'),
        },
      }
    }),
  }
}

const policyNames: Record<(typeof replayedPolicies)[number], string> = {
  reactive: 'reactive alone',
  template: 'template',
  live: 'live floor',
  plan: 'template + live',
}

function describeReplay(result: ReplayResult): string {
  const { from, until, workloads } = summarizeReplay(result, '')
  const right = (header: string) => ({ header, align: 'right' as const })
  const rows = workloads.flatMap(({ workload, scores, followed, decisions }) =>
    replayedPolicies.map((policy) => [
      workload,
      policyNames[policy],
      formatShare(scores[policy].lateShare),
      formatUsd(scores[policy].idleReplicaHours),
      formatUsd(scores[policy].idleUsd),
      policy === 'plan' || policy === 'live' ? `${followed} of ${decisions}` : '',
    ]),
  )
  return (
    `Replayed ${from} to ${until}.\nEstimated: arrivals within a step follow its neighbours.\n\n` +
    formatTable(
      [
        { header: 'Workload' },
        { header: 'Floor' },
        right('Late'),
        right('Idle replica h'),
        right('Idle USD'),
        right('Followed'),
      ],
      rows,
    )
  )
}
