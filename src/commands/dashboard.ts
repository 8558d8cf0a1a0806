import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { publishDashboard, readStatuses } from '../cli/dashboard.js'
import { obeyEdit, readBodyEdit, type SteeredEnvironment } from '../cli/dashboard-event.js'
import { instant } from '../cli/flags.js'
import { withGitHub } from '../cli/host.js'
import { assertWritable } from '../cli/kill-switch.js'
import { besideConfig, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import type { Config } from '../config/schema.js'
import type { GitHost } from '../delivery/git-host.js'
import { planFolder } from '../delivery/plan-folder.js'
import { pathFromTop } from '../delivery/proposed-files.js'
import type { EpochSeconds } from '../kit/units.js'
import { controlActions } from '../review/controls.js'
import { environmentStates, tabulateStatuses, writeDashboard } from '../review/dashboard.js'

const Status = z.strictObject({
  environment: z.string(),
  state: z.enum(environmentStates).describe('The one that needs people most.'),
  detail: z.string(),
  planId: z.string().nullable().describe('Of the plan on the reviewed branch.'),
  validUntil: z.string().nullable().describe('Until when it may be applied, renewals counted.'),
  isRenewed: z.boolean(),
  pullRequest: z.strictObject({ number: z.int(), url: z.string() }).nullable(),
})

export const Result = z.strictObject({
  environments: z.array(Status),
  issue: z
    .strictObject({
      number: z.int(),
      url: z.string(),
      action: z.enum(['created', 'updated', 'unchanged']),
    })
    .nullable()
    .describe('Null where nothing may be written: with --dry-run, or without a token of GitHub.'),
  obeyed: z
    .strictObject({
      by: z.string(),
      isAllowed: z.boolean().describe('False: they may not write to the repository, and were not obeyed.'),
      controls: z.array(z.strictObject({ action: z.enum(controlActions), environment: z.string() })),
    })
    .nullable()
    .describe('Boxes that the edit of --event ticked.'),
  body: z.string().describe('Of the issue, where nothing is ticked.'),
})

export default class Dashboard extends BaseCommand {
  static override description =
    'Say what every environment needs of people, and keep one issue of the repository that says it, with boxes to tick.'
  static override examples = [
    '<%= config.bin %> dashboard',
    '<%= config.bin %> dashboard --dry-run',
    '<%= config.bin %> dashboard --event "$GITHUB_EVENT_PATH"',
  ]
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Print the issue; write nothing.', exclusive: ['event'] }),
    event: Flags.string({
      description: 'Obey the boxes that this event of GitHub ticked, if their ticker may write here.',
      helpValue: 'FILE',
    }),
    'as-of': instant({ description: 'Take it for this time; default now.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Dashboard)
    const config = await readConfig(flags.config)
    const now = flags['as-of'] ?? Math.floor(Date.now() / 1000)
    if (flags.event === undefined && !hasToken()) {
      const answer = await this.show(config, flags, undefined, now)
      this.hint('GITHUB_TOKEN is not set: pull requests are not looked at, and no issue is written.')
      return { ...answer, issue: null, obeyed: null }
    }
    this.progress('Asking GitHub …')
    return withGitHub(besideConfig(flags.config, '.'), async (host) => {
      if (flags['dry-run'])
        return { ...(await this.show(config, flags, host, now)), issue: null, obeyed: null }
      assertWritable()
      const edit = flags.event === undefined ? undefined : await readBodyEdit(flags.event)
      const obeyed = edit && (await obeyEdit(host, edit, await listSteered(config, flags.config), now))
      const answer = await this.show(config, flags, host, now)
      const answered = edit?.subject.kind === 'issue' ? (obeyed?.controls ?? []) : []
      const issue = await publishDashboard(host, answer.environments, answered)
      this.log(`The issue is #${issue.number} ${issue.url}: ${issue.action}.`)
      return { ...answer, issue, obeyed: obeyed ?? null }
    })
  }

  private async show(
    config: Config,
    flags: { config: string; 'dry-run': boolean },
    host: GitHost | undefined,
    now: EpochSeconds,
  ): Promise<Pick<z.infer<typeof Result>, 'environments' | 'body'>> {
    const environments = await readStatuses(config, flags.config, host, now)
    const body = writeDashboard(environments)
    const { columns, rows } = tabulateStatuses(environments)
    this.log(flags['dry-run'] ? body.trimEnd() : formatTable(columns, rows))
    return { environments, body }
  }
}

const hasToken = () => Boolean(process.env['GITHUB_TOKEN'] || process.env['LLMSCALE_GITHUB_APP_ID'])

async function listSteered({ environments }: Config, configPath: string): Promise<SteeredEnvironment[]> {
  const fromTop = await pathFromTop(besideConfig(configPath, '.'))
  return Object.entries(environments).map(([name, { reviewedBranch }]) => ({
    name,
    reviewedBranch,
    folder: [fromTop, ...planFolder(name).split('/')].filter(Boolean).join('/'),
  }))
}
