import { relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { describeActor } from '../cli/actor.js'
import { BaseCommand } from '../cli/base-command.js'
import { instant } from '../cli/flags.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { Label } from '../config/values.js'
import { findAuthor, findHold, listHolds, removeHold, writeHold } from '../delivery/hold-file.js'
import { planFolder } from '../delivery/plan-folder.js'
import { LlmscaleError } from '../kit/errors.js'
import { dnsName } from '../kit/names.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { judgeHold, type ListedHold, tabulateHolds } from '../review/hold-table.js'

const HoldEntry = z.strictObject({
  name: z.string(),
  file: z.string(),
  state: z.enum(['in force', 'ended', 'unreadable']),
  reason: z.string().nullable(),
  by: z.string().nullable(),
  until: z.string().nullable().describe('Null: until the file is removed.'),
  except: z.string().nullable().describe('Id of the plan that may be applied all the same.'),
})

export const Result = z.strictObject({
  environment: z.string(),
  written: z.string().nullable().describe('File of the new hold.'),
  removed: z.string().nullable().describe('File that is gone.'),
  holds: z.array(HoldEntry).describe('All that are there afterwards.'),
})

export default class Hold extends BaseCommand {
  static override description =
    'Hold back every apply to an environment, with a reason: a file for you to commit. Without flags, list.'
  static override examples = [
    '<%= config.bin %> hold --reason "incident 7: gateway retries" --until 2026-12-01T18:00:00Z',
    '<%= config.bin %> hold --list',
    '<%= config.bin %> hold --remove incident-7-gateway-retries-8d3c21',
  ]
  static override flags = {
    reason: Flags.string({ description: 'Why nothing may be applied.' }),
    until: instant({
      description: 'When the hold ends by itself; default when its file is removed.',
      dependsOn: ['reason'],
    }),
    by: Flags.string({ description: 'Who answers for it; default the user of git.', dependsOn: ['reason'] }),
    name: Flags.string({ description: 'Name of the file; default from the reason.', dependsOn: ['reason'] }),
    list: Flags.boolean({ description: 'List the holds.', exclusive: ['reason', 'remove'] }),
    remove: Flags.string({
      description: 'Show this hold and remove its file.',
      helpValue: 'NAME',
      exclusive: ['reason'],
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Hold)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const folder = relative('', besideConfig(flags.config, planFolder(environment)))
    const now = Date.now() / 1000

    const written = flags.reason === undefined ? null : await this.hold(folder, flags.reason, flags, now)
    const removed = flags.remove === undefined ? null : await this.remove(folder, flags.remove)
    const holds = (await listHolds(folder)).map((file) => ({
      file,
      listed: judgeHold(file.name, file.hold, now),
    }))
    if (written === null && removed === null) this.list(holds.map(({ listed }) => listed))
    return {
      environment,
      written,
      removed,
      holds: holds.map(({ file: { path, hold }, listed: { name, state } }) => ({
        name,
        file: path,
        state,
        reason: hold?.reason ?? null,
        by: hold?.by ?? null,
        until: hold?.until ?? null,
        except: hold?.except ?? null,
      })),
    }
  }

  private async hold(
    folder: string,
    reason: string,
    flags: {
      until?: EpochSeconds | undefined
      by?: string | undefined
      name?: string | undefined
      config: string
    },
    now: EpochSeconds,
  ): Promise<string> {
    const text = requireText('reason', reason)
    if (flags.until !== undefined && flags.until <= now)
      throw flagInvalid('until', formatInstant(flags.until), 'in the future')
    const name = flags.name ?? dnsName(text)
    if (!Label.safeParse(name).success)
      throw flagInvalid('name', name, 'a file name; use at most 50 of a-z, 0-9 and -')
    const by =
      flags.by === undefined
        ? ((await findAuthor(besideConfig(flags.config, '.'))) ?? describeActor())
        : requireText('by', flags.by)
    const until = flags.until === undefined ? {} : { until: formatInstant(flags.until) }
    const path = await writeHold(folder, name, { reason: text, by, ...until })
    this.log(path)
    this.hint(`Commit ${path} and have it merged: from then on nothing is applied.`)
    return path
  }

  private async remove(folder: string, name: string): Promise<string> {
    const file = await findHold(folder, name)
    this.log(`${file.path}\n${file.text.trimEnd()}`)
    await removeHold(file)
    this.hint('Removed. Commit that and have it merged: from then on plans may be applied again.')
    return file.path
  }

  private list(holds: readonly ListedHold[]): void {
    const { columns, rows } = tabulateHolds(holds)
    this.log(holds.length === 0 ? 'No holds.' : formatTable(columns, rows))
  }
}

function requireText(flag: string, text: string): string {
  if (text.trim() !== '') return text.trim()
  throw flagInvalid(flag, text, 'a text')
}

function flagInvalid(flag: string, value: string, allowed: string): LlmscaleError {
  return new LlmscaleError('usage', 'FLAG_INVALID', `--${flag}: ${JSON.stringify(value)} is not ${allowed}`)
}
