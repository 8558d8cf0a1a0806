import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import type { Config } from '../config/schema.js'
import { planFolder, readPlanIfAny } from '../delivery/plan-folder.js'
import { type ExitReason, exitCodes, LlmscaleError } from '../kit/errors.js'
import { formatCount } from '../kit/format.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import { listSources, openClient, openFiles, type SourceSettings } from '../metrics/open-sources.js'
import type { PrometheusSettings } from '../metrics/prometheus/prometheus-settings.js'

const statuses = ['ok', 'warning', 'failed'] as const

export const Result = z.strictObject({
  environment: z.string().nullable().describe('Null where the configuration cannot be read.'),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      status: z.enum(statuses),
      detail: z.string(),
      tryThis: z.array(z.string()),
    }),
  ),
})

type Check = z.infer<typeof Result>['checks'][number]

/** A check that failed ends the run with its own exit code. */
type Finding = Check & { reason?: ExitReason }

const defaultStepSeconds = 300
/** `increase` extrapolates over what two scrapes leave out; four make that small. */
const scrapesPerStep = 4

export default class Doctor extends BaseCommand {
  static override description =
    'Check configuration, metrics (reachability, retention, clock), plan and tools, and say what to do.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --env production --json']

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Doctor)
    const checks: Finding[] = []
    const report = (check: Finding) => {
      checks.push(check)
      this.log(describeCheck(check))
    }
    const ask = async (check: string, find: () => Promise<Omit<Finding, 'check'>[]>) => {
      this.progress(`${check} …`)
      const findings = await find().catch((error: unknown) => [failed(error)])
      for (const finding of findings) report({ check, ...finding })
    }
    let config: Config | undefined
    let environment: string | undefined
    await ask('config', async () => {
      config = await readConfig(flags.config)
      environment = environmentOf(config, flags.env).name
      return [ok(`${flags.config}: ${config.workloads.length} workloads, environment ${environment}`)]
    })
    if (config !== undefined && environment !== undefined) {
      const { regions } = config.environments[environment]!
      for (const source of listSources(config, environment)) {
        const name = source.prometheus?.url ?? source.files!.join(', ')
        await ask(name, () => checkSource(source, config!, flags.config, regions))
      }
      await ask('plan in force', () => checkPlan(besideConfig(flags.config, planFolder(environment!))))
    }
    await ask('Pulumi engine', checkEngine)
    const first = checks.find(({ status }) => status === 'failed')
    if (first !== undefined) process.exitCode = exitCodes[first.reason ?? 'bug']
    return {
      environment: environment ?? null,
      checks: checks.map(({ reason: _, ...check }) => check),
    }
  }
}

function ok(detail: string): Omit<Finding, 'check'> {
  return { status: 'ok', detail, tryThis: [] }
}

function warning(detail: string, ...tryThis: string[]): Omit<Finding, 'check'> {
  return { status: 'warning', detail, tryThis }
}

function failed(error: unknown): Omit<Finding, 'check'> {
  if (!(error instanceof LlmscaleError)) throw error
  const { message, tryThis, reason } = error
  return { status: 'failed', detail: message, tryThis, reason }
}

async function checkSource(
  source: SourceSettings,
  config: Config,
  configPath: string,
  regions: readonly string[],
): Promise<Omit<Finding, 'check'>[]> {
  const now = Math.floor(Date.now() / 1000)
  const stepSeconds = config.forecast.step ?? defaultStepSeconds
  if (source.prometheus !== undefined) return checkServer(source.prometheus, configPath, now, stepSeconds)
  const table = await openFiles(source, config, configPath, regions).read({ until: now })
  const end = table.start + table.length * table.stepSeconds
  const rows = table.inputs.reduce((sum, input) => sum + input.rows, 0)
  const detail = `${formatCount(rows)} rows of ${table.workloads.length} workloads, ${formatInstant(table.start)} to ${formatInstant(end)}`
  if (now - end <= config.planning.validity) return [ok(detail)]
  return [
    warning(
      `${detail}: ends ${formatDays(now - end)} ago`,
      'A plan needs newer demand, or --as-of the end of it.',
    ),
  ]
}

async function checkServer(
  settings: PrometheusSettings,
  configPath: string,
  now: number,
  stepSeconds: number,
): Promise<Omit<Finding, 'check'>[]> {
  const { inspectServer } = await import('../metrics/prometheus/inspect-server.js')
  const client = await openClient(settings, configPath)
  const report = await inspectServer(client, settings, { now, stepSeconds })
  const { scrapeSeconds, since } = report
  const { skewSeconds: skew, isOff } = report.clock
  const findings = [
    report.series <= settings.maximumSeries
      ? ok(
          `reachable; ${formatCount(report.series)} series count requests; it has ${report.signals.join(', ')}`,
        )
      : failed(
          new LlmscaleError(
            'badData',
            'TOO_MANY_SERIES',
            `${formatCount(report.series)} series count requests, above maximumSeries ${formatCount(settings.maximumSeries)}`,
            ['Add matchers, or give queries of a recording rule.'],
          ),
        ),
    !isOff
      ? ok(`clock: within ${formatDuration(Math.max(1, Math.ceil(Math.abs(skew))))} of this machine's`)
      : warning(
          `clock: ${formatDuration(Math.round(Math.abs(skew)))} ${skew > 0 ? 'ahead of' : 'behind'} this machine's`,
          'Let both follow a time server (NTP).',
        ),
  ]
  const asked = formatDays(settings.history)
  if (since === undefined)
    findings.push(
      warning(`retention: no data in the last ${asked}`, 'Look at presets, queries and matchers.'),
    )
  else if (now - since >= settings.history - secondsPerDay)
    findings.push(ok(`retention: has the ${asked} that are read`))
  else
    findings.push(
      warning(
        `retention: data since ${formatInstant(since)}, ${formatDays(now - since)} of the ${asked} that are read`,
        'Keep more, or let llmscale metrics pull write files day by day; two weeks give a weekly season.',
      ),
    )
  if (scrapeSeconds === undefined) return findings
  const scraped = `scraped every ${formatDuration(Math.round(scrapeSeconds))}, read every ${formatDuration(stepSeconds)}`
  findings.push(
    stepSeconds >= scrapesPerStep * scrapeSeconds
      ? ok(scraped)
      : warning(
          `${scraped}: increases of so few scrapes are rough`,
          `Set forecast.step to ${formatDuration(Math.ceil((scrapesPerStep * scrapeSeconds) / 60) * 60)} or more.`,
        ),
  )
  return findings
}

async function checkPlan(folder: string): Promise<Omit<Finding, 'check'>[]> {
  const plan = await readPlanIfAny(folder)
  if (plan === undefined) return [ok('none yet: llmscale plan makes the first')]
  const { validUntil } = plan.header
  const detail = `${plan.planId.slice(0, 12)}, valid until ${validUntil}`
  if (Date.parse(validUntil) > Date.now()) return [ok(detail)]
  return [warning(`${detail}: expired; what is deployed stays`, 'llmscale plan renews it.')]
}

async function checkEngine(): Promise<Omit<Finding, 'check'>[]> {
  try {
    const { findEngineVersion } = await import('../delivery/engine.js')
    return [ok(`pulumi ${await findEngineVersion()}`)]
  } catch (error) {
    const { detail, tryThis } = failed(error)
    return [warning(`${detail} Only preview and apply need it.`, ...tryThis)]
  }
}

function formatDays(seconds: number): string {
  return `${Number((seconds / secondsPerDay).toFixed(1))} days`
}

const marks = { ok: 'ok', warning: 'WARN', failed: 'FAIL' } as const

function describeCheck({ check, status, detail, tryThis }: Check): string {
  const lines = [
    `${marks[status].padEnd(4)}  ${check}: ${detail}`,
    ...tryThis.map((each) => `      → ${each}`),
  ]
  return lines.join('\n')
}
