import { constants, existsSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import type { Config } from '../config/schema.js'
import { formatPermissions, githubPermissions } from '../delivery/github-permissions.js'
import { planFolder, readPlanIfAny } from '../delivery/plan-folder.js'
import { exitCodes } from '../kit/errors.js'
import { formatCount } from '../kit/format.js'
import { failed, type Judgement, judgementStatuses, notChecked, ok, warning } from '../kit/judgement.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { secondsPerHour } from '../kit/units.js'
import {
  dayStorePath,
  listSources,
  openClient,
  openFiles,
  type SourceSettings,
} from '../metrics/open-sources.js'
import type { PrometheusSettings } from '../metrics/prometheus/prometheus-settings.js'

export const Result = z.strictObject({
  environment: z.string().nullable().describe('Null where the configuration cannot be read.'),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      status: z.enum(judgementStatuses),
      detail: z.string(),
      tryThis: z.array(z.string()),
    }),
  ),
})

const defaultStepSeconds = 300
/** From the top of the repository, where the workflows run. */
const workflowFolder = join('.github', 'workflows')

export default class Doctor extends BaseCommand {
  static override description =
    'Check configuration, metrics (reachability, retention, clock), plan and tools, and say what to do.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --env production --json']

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Doctor)
    const checks: ({ check: string } & Judgement)[] = []
    const ask = async (check: string, judge: () => Promise<Judgement[]>) => {
      this.progress(`${check} …`)
      const judgements = await judge().catch((error: unknown) => [failed(error)])
      for (const judgement of judgements) {
        checks.push({ check, ...judgement })
        this.log(describeCheck(check, judgement))
      }
    }
    let found: { config: Config; environment: string } | undefined
    await ask('config', async () => {
      const config = await readConfig(flags.config)
      const { name: environment } = environmentOf(config, flags.env)
      found = { config, environment }
      return [ok(`${flags.config}: ${config.workloads.length} workloads, environment ${environment}`)]
    })
    if (found !== undefined) {
      const { config, environment } = found
      const sources = listSources(config, environment)
      for (const source of sources) {
        const name = source.prometheus?.url ?? source.files!.join(', ')
        await ask(name, () => checkSource(source, config, flags.config, environment))
      }
      const { collector } = config.metrics
      if (collector !== undefined)
        await ask(`collector of ${collector.prometheus.url}`, async () => [
          notChecked('it is read inside the cluster, where only the job can ask it'),
        ])
      if (sources.some(({ prometheus }) => prometheus !== undefined))
        await ask('cache', () => checkCache(besideConfig(flags.config, dayStorePath)))
      await ask('plan in force', () => checkPlan(besideConfig(flags.config, planFolder(environment))))
    }
    await ask('Pulumi engine', checkEngine)
    if (existsSync(workflowFolder)) await ask('GitHub', checkGitHub)
    const first = checks.find(({ status }) => status === 'failed')
    if (first !== undefined) process.exitCode = exitCodes[first.reason ?? 'bug']
    return {
      environment: found?.environment ?? null,
      checks: checks.map(({ reason: _, ...check }) => check),
    }
  }
}

async function checkSource(
  source: SourceSettings,
  config: Config,
  configPath: string,
  environment: string,
): Promise<Judgement[]> {
  const now = Math.floor(Date.now() / 1000)
  const stepSeconds = config.forecast.step ?? defaultStepSeconds
  if (source.prometheus !== undefined) return checkServer(source.prometheus, configPath, now, stepSeconds)
  const { regions } = config.environments[environment]!
  const table = await openFiles(source, config, configPath, regions).read({ until: now })
  const end = table.start + table.length * table.stepSeconds
  const rows = table.inputs.reduce((sum, input) => sum + input.rows, 0)
  const detail = `${formatCount(rows)} rows of ${table.workloads.length} workloads, ${formatInstant(table.start)} to ${formatInstant(end)}`
  if (now - end <= config.planning.validity) return [ok(detail)]
  return [
    warning(
      `${detail}: ends ${formatDuration(Math.round((now - end) / secondsPerHour) * secondsPerHour)} ago`,
      'A plan needs newer demand, or --as-of the end of it.',
    ),
  ]
}

async function checkServer(
  settings: PrometheusSettings,
  configPath: string,
  now: number,
  stepSeconds: number,
): Promise<Judgement[]> {
  const { inspectServer, judgeServer } = await import('../metrics/prometheus/inspect-server.js')
  const client = await openClient(settings, configPath)
  const report = await inspectServer(client, settings, { now, stepSeconds })
  return judgeServer(report, settings, { now, stepSeconds })
}

/** Looks whether a pull could keep its answers, without making the file. */
async function checkCache(path: string): Promise<Judgement[]> {
  try {
    await requireWritable(path)
    return [ok(`${path} can be written`)]
  } catch (cause) {
    return [
      warning(
        `${path} cannot be written: ${(cause as Error).message}`,
        'Without it each run asks for the whole history: let the folder be writable, and no folder stand in its place.',
      ),
    ]
  }
}

/** Rejects where neither the file can be written nor, as long as it is not there, the first folder above it that is. */
async function requireWritable(path: string): Promise<void> {
  let place = path
  let entry = await statIfThere(place)
  while (entry === undefined) {
    place = dirname(place)
    entry = await statIfThere(place)
  }
  if (entry.isDirectory() === (place === path))
    throw new Error(`${place} is ${entry.isDirectory() ? 'a folder' : 'no folder'}`)
  await access(place, constants.W_OK)
}

function statIfThere(path: string) {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
}

async function checkPlan(folder: string): Promise<Judgement[]> {
  const plan = await readPlanIfAny(folder)
  if (plan === undefined) return [ok('none yet: llmscale plan makes the first')]
  const { validUntil } = plan.header
  const detail = `${plan.planId.slice(0, 12)}, valid until ${validUntil}`
  if (Date.parse(validUntil) > Date.now()) return [ok(detail)]
  return [warning(`${detail}: expired; what is deployed stays`, 'llmscale plan renews it.')]
}

async function checkEngine(): Promise<Judgement[]> {
  try {
    const { findEngineVersion } = await import('../delivery/engine.js')
    return [ok(`pulumi ${await findEngineVersion()}`)]
  } catch (error) {
    const { detail, tryThis } = failed(error)
    return [warning(`${detail} Only preview and apply need it.`, ...tryThis)]
  }
}

/** What each job may do is for people to compare: no token can be asked what it may. */
async function checkGitHub(): Promise<Judgement[]> {
  const there = githubPermissions.filter(({ job }) => existsSync(join(workflowFolder, job.split(' ')[0]!)))
  return there.map(({ feature, job, token, role }) =>
    notChecked(
      `to ${feature}, ${job} needs ${formatPermissions(token)}${role === null ? '' : `; in AWS the ${role} role`}`,
    ),
  )
}

const marks = { ok: 'ok', warning: 'WARN', failed: 'FAIL', 'not checked': '-' } as const

function describeCheck(check: string, { status, detail, tryThis }: Judgement): string {
  const lines = [
    `${marks[status].padEnd(4)}  ${check}: ${detail}`,
    ...tryThis.map((each) => `      → ${each}`),
  ]
  return lines.join('\n')
}
