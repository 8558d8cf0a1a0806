import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { instant } from '../cli/flags.js'
import { exampleConfig, pulumiProject, starterConfig } from '../config/starter-config.js'
import { notWritable, writeFileWhole } from '../delivery/files.js'
import { LlmscaleError } from '../kit/errors.js'
import { secondsPerDay, secondsPerHour } from '../kit/units.js'
import { demandCsv } from '../metrics/demand-csv.js'
import { synthesizeDemand } from '../metrics/scenarios.js'

export const Result = z.strictObject({
  written: z.array(z.string()).describe('Paths of the files written.'),
})

/** What is of one machine alone: the local store, and the package that these files name. */
const localFolders = ['.llmscale/', 'node_modules/']

export default class Init extends BaseCommand {
  static override description = 'Write a commented llmscale.yaml and what a repository needs beside it.'
  static override examples = [
    '<%= config.bin %> init',
    '<%= config.bin %> init --example && <%= config.bin %> plan',
  ]
  static override flags = {
    dir: Flags.string({ description: 'Folder to write to.', default: '.', helpValue: 'DIR' }),
    example: Flags.boolean({ description: 'An example fleet with made-up demand, ready to plan.' }),
    force: Flags.boolean({ description: 'Overwrite files that exist.' }),
    'as-of': instant({ description: 'End of the example’s demand; default now.', dependsOn: ['example'] }),
  }

  override async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Init)
    const configPath = join(flags.dir, flags.config)
    const files: [path: string, text: string][] = [
      [configPath, flags.example ? exampleConfig : starterConfig],
      [join(flags.dir, 'Pulumi.yaml'), pulumiProject],
    ]
    if (flags.example) {
      const asOf = flags['as-of'] ?? Date.now() / 1000
      files.push([join(dirname(configPath), 'demand.csv'), exampleDemand(asOf)])
    }
    const existing = files.map(([path]) => path).filter((path) => existsSync(path))
    if (existing.length > 0 && !flags.force) {
      throw new LlmscaleError(
        'outputNotWritable',
        'FILES_EXIST',
        `Nothing was written, because these exist: ${existing.join(', ')}.`,
        ['--force overwrites them.', '--dir names another folder.'],
      )
    }
    const ignoreFile = join(flags.dir, '.gitignore')
    const ignored = await withLines(ignoreFile, localFolders)
    if (ignored !== undefined) files.push([ignoreFile, ignored])

    for (const [path, text] of files) {
      await writeFileWhole(path, text)
      this.log(`wrote ${relative('.', path)}`)
    }
    this.hint(
      flags.example
        ? 'Next: llmscale plan'
        : `Next: put your demand history beside ${flags.config} as demand.csv (or name it there), then llmscale plan`,
    )
    return { written: files.map(([path]) => path) }
  }
}

/** Four weeks of the example fleet up to the last full hour, always from the same seed. */
function exampleDemand(asOf: number): string {
  const days = 28
  const start = Math.floor(asOf / secondsPerHour) * secondsPerHour - days * secondsPerDay
  return demandCsv(synthesizeDemand('example-fleet', { seed: 1, days, stepSeconds: 300, start }))
}

/** A .gitignore with the folders that it lacks; undefined where it has them all. */
async function withLines(path: string, folders: readonly string[]): Promise<string | undefined> {
  const text = existsSync(path)
    ? await readFile(path, 'utf8').catch((cause: unknown) => {
        throw notWritable(path, cause)
      })
    : ''
  const bare = (line: string) => line.trim().replace(/^\/|\/$/g, '')
  const known = new Set(text.split(/\r?\n/).map(bare))
  const missing = folders.filter((folder) => !known.has(bare(folder)))
  if (missing.length === 0) return undefined
  return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${missing.join('\n')}\n`
}
