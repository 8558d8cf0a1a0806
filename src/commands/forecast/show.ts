import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { readCalendar } from '../../cli/calendar.js'
import { duration } from '../../cli/flags.js'
import { forecastFlags, readForecastInput } from '../../cli/forecast-input.js'
import { terminalWidth } from '../../cli/prose.js'
import { writeFileWhole } from '../../delivery/files.js'
import { listDatedSpans } from '../../forecast/calendar/dated-spans.js'
import { forecastOnCalendar } from '../../forecast/calendar/forecast-on-calendar.js'
import { roundTo } from '../../kit/canonical.js'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { formatInstant } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import type { DemandHistory } from '../../metrics/demand-history.js'
import { drawForecastChart } from '../../review/forecast-chart.js'
import { drawForecastPicture } from '../../review/forecast-picture.js'
import { type ForecastView, viewForecast } from '../../review/forecast-view.js'

const Span = z.strictObject({ from: z.string(), to: z.string(), label: z.string() })
const Rates = z.array(z.number()).describe('Requests per second, by step.')

export const Result = z.strictObject({
  workload: z.string(),
  start: z.string().describe('Of the first step of `past`.'),
  origin: z.string().describe('Of the first step ahead.'),
  stepSeconds: z.number(),
  past: z.array(z.number().nullable()).describe('Requests per second, by step; null where not learned from.'),
  median: Rates,
  bands: z.array(z.strictObject({ share: z.number(), low: Rates, high: Rates })),
  masked: z.array(Span).describe('What of the past is not learned from.'),
  events: z.array(Span),
  notes: z.array(z.string()),
  written: z.array(z.string()),
})

export default class ForecastShow extends BaseCommand {
  static override description =
    'Draw one workload: what was, the fan of what may come, events and what is not learned from.'
  static override examples = [
    '<%= config.bin %> forecast show llama-3.1-8b/us-east-1',
    '<%= config.bin %> forecast show chat --metrics demand.csv --horizon 3d --past 7d --out chat.svg',
  ]
  static override args = {
    workload: Args.string({ description: 'MODEL[/REGION[/TENANT]].', required: true }),
  }
  static override flags = {
    ...forecastFlags,
    past: duration({ description: 'How much of the past to draw; default as much as is forecast.' }),
    out: Flags.string({ description: 'Chart to write too, .svg.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags, args } = await this.parse(ForecastShow)
    if (flags.out !== undefined && !/\.svg$/i.test(flags.out))
      throw new LlmscaleError('usage', 'FLAG_INVALID', `--out: ${flags.out} is not .svg`, [
        `--out ${flags.out.replace(/\.\w+$/, '')}.svg`,
      ])
    const { history, config } = await readForecastInput(this, flags)
    const wanted = findWorkload(history, args.workload)
    this.progress('Forecasting …')
    const horizonSeconds = flags.horizon ?? config?.forecast.horizon ?? 7 * secondsPerDay
    const calendar =
      config && (await readCalendar(config, { configPath: flags.config }, history, horizonSeconds))
    const forecast = forecastOnCalendar(history, {
      horizonSeconds,
      seed: flags.seed ?? config?.forecast.seed ?? 1,
      isWanted: (workload) => workload === wanted,
      calendar,
    })
    const end = forecast.origin + horizonSeconds
    const dated = calendar === undefined ? [] : listDatedSpans(calendar, wanted, history.start, end)
    const view = viewForecast(history, forecast, wanted, flags.past ?? horizonSeconds, dated)
    this.log(drawForecastPicture(view, Math.min(80, terminalWidth())))
    for (const note of forecast.notes) this.hint(note)
    if (flags.out !== undefined) {
      await writeFileWhole(flags.out, drawForecastChart(view))
      this.hint(`Wrote ${flags.out}.`)
    }
    return createResult(view, forecast.notes, flags.out === undefined ? [] : [flags.out])
  }
}

/** The workload of a name, or the only one that begins with it. Throws `usage` WORKLOAD_UNKNOWN. */
function findWorkload({ workloads }: DemandHistory, name: string): Workload {
  const ids = workloads.map(({ workload }) => workloadId(workload))
  const found = ids.includes(name) ? [name] : ids.filter((id) => id.startsWith(`${name}/`))
  if (found.length === 1) return workloads[ids.indexOf(found[0]!)]!.workload
  const near = found[0] ?? nearestName(name, [...ids, ...workloads.map(({ workload }) => workload.model)])
  throw new LlmscaleError(
    'usage',
    'WORKLOAD_UNKNOWN',
    found.length > 1
      ? `${JSON.stringify(name)} may be ${found.join(', ')}`
      : `${JSON.stringify(name)} is not in the demand; it has ${ids.join(', ')}`,
    near === undefined ? [] : [`llmscale forecast show ${near}`],
  )
}

function createResult(view: ForecastView, notes: string[], written: string[]): z.infer<typeof Result> {
  const rates = (values: Float64Array) => Array.from(values, (value) => roundTo(value))
  const spans = (all: ForecastView['events']) =>
    all.map(({ from, to, label }) => ({ from: formatInstant(from), to: formatInstant(to), label }))
  return {
    workload: view.workload,
    start: formatInstant(view.start),
    origin: formatInstant(view.origin),
    stepSeconds: view.stepSeconds,
    past: Array.from(view.past, (value) => (Number.isNaN(value) ? null : roundTo(value))),
    median: rates(view.median),
    bands: view.bands.map(({ share, low, high }) => ({ share, low: rates(low), high: rates(high) })),
    masked: spans(view.masked),
    events: spans(view.events),
    notes,
    written,
  }
}
