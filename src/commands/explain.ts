import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { wrapProse } from '../cli/prose.js'
import { formatTable } from '../cli/table.js'
import { planFolder, readPlan } from '../delivery/plan-folder.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { workloadId } from '../kit/workload.js'
import { type CapacityPlan, Finding, PriceUsed, WorkloadReport } from '../planning/capacity-plan.js'
import { explainPlan } from '../review/explanation.js'

export const Result = z.strictObject({
  planId: z.string(),
  findings: z.array(Finding),
  prices: z.array(PriceUsed),
  workloads: z.array(WorkloadReport),
})

export default class Explain extends BaseCommand {
  static override description = 'Say why each number of a plan is what it is.'
  static override examples = ['<%= config.bin %> explain', '<%= config.bin %> explain m-large']
  static override args = {
    workload: Args.string({ description: 'Model, model/region or model/region/tenant; default all.' }),
  }
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { args, flags } = await this.parse(Explain)
    const config = await readConfig(flags.config).catch((error: unknown) => {
      // A plan in a folder of its own can be read without.
      if (flags.plan !== undefined && error instanceof LlmscaleError && error.code === 'CONFIG_MISSING')
        return undefined
      throw error
    })
    const folder =
      flags.plan ?? besideConfig(flags.config, planFolder(environmentOf(config!, flags.env).name))
    const plan = await readPlan(folder)
    const settings = config?.environments[plan.decision.environment]
    const wanted = args.workload === undefined ? undefined : findWanted(plan, args.workload)
    for (const section of explainPlan(plan, wanted, settings)) {
      this.log(`${section.title}\n${wrapProse(section.lines.map((line) => `  ${line}`).join('\n'))}`)
      if (section.table) this.log(formatTable(section.table.columns, section.table.rows))
      this.log()
    }
    return {
      planId: plan.planId,
      findings: plan.header.findings,
      prices: plan.header.cost.prices,
      workloads: plan.reports.filter((report) => wanted === undefined || wanted.includes(workloadId(report))),
    }
  }
}

/** Ids of the workloads that have a name, or begin with it. Throws `usage` WORKLOAD_UNKNOWN. */
function findWanted(plan: CapacityPlan, name: string): string[] {
  const ids = plan.reports.map(workloadId)
  const wanted = ids.filter((id) => id === name || id.startsWith(`${name}/`))
  if (wanted.length > 0) return wanted
  const near = nearestName(name, [...ids, ...plan.reports.map(({ model }) => model)])
  throw new LlmscaleError(
    'usage',
    'WORKLOAD_UNKNOWN',
    `${JSON.stringify(name)} is not in the plan; it has ${ids.join(', ')}`,
    near === undefined ? [] : [`llmscale explain ${near}`],
  )
}
