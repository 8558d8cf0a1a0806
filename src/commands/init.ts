import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { instant } from '../cli/flags.js'
import { readConfig } from '../cli/project.js'
import { exampleConfig, pulumiProject, starterConfig } from '../config/starter-config.js'
import {
  codeOwners,
  listGitHubSteps,
  npmSettings,
  starterPackage,
  unnamedOwner,
} from '../config/starter-github.js'
import { notWritable, writeFileWhole } from '../delivery/files.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import { secondsPerDay, secondsPerHour } from '../kit/units.js'
import { demandCsv } from '../metrics/demand-csv.js'
import { synthesizeDemand } from '../metrics/scenarios.js'

export const Result = z.strictObject({
  written: z.array(z.string()).describe('Paths of the files written.'),
  kept: z.array(z.string()).describe('Paths of files that were there, with --github.'),
  steps: z.array(z.string()).describe('What is left to a person, with --github.'),
})

/** What is of one machine alone: the local store, and the package that these files name. */
const localFolders = ['.llmscale/', 'node_modules/']

/** The files of this package's own repository that are of use to others. */
const workflowFiles = ['plan.yml', 'preview.yml', 'apply.yml', 'verify.yml', 'dashboard.yml'].map(
  (file) => `workflows/${file}`,
)
const actionFiles = ['action.yml', 'heartbeat/action.yml']

export default class Init extends BaseCommand {
  static override description = 'Write a commented llmscale.yaml and what a repository needs beside it.'
  static override examples = [
    '<%= config.bin %> init',
    '<%= config.bin %> init --example && <%= config.bin %> plan',
    '<%= config.bin %> init --github --owner @acme/platform',
  ]
  static override flags = {
    dir: Flags.string({ description: 'Folder to write to.', default: '.', helpValue: 'DIR' }),
    example: Flags.boolean({ description: 'An example fleet with made-up demand, ready to plan.' }),
    github: Flags.boolean({
      description: 'Workflows that plan, preview, apply and verify, and the steps to set them up.',
    }),
    owner: Flags.string({
      description: 'Who owns the rules, for CODEOWNERS.',
      helpValue: '@ORG/TEAM',
      dependsOn: ['github'],
    }),
    force: Flags.boolean({
      description: 'Overwrite files that exist; with --github the workflows alone.',
    }),
    'as-of': instant({ description: 'End of the example’s demand; default now.', dependsOn: ['example'] }),
  }

  override async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Init)
    const configPath = join(flags.dir, flags.config)
    const starters: Files = [
      [configPath, flags.example ? exampleConfig : starterConfig],
      [join(flags.dir, 'Pulumi.yaml'), pulumiProject],
    ]
    if (flags.example) {
      const asOf = flags['as-of'] ?? Date.now() / 1000
      starters.push([join(dirname(configPath), 'demand.csv'), exampleDemand(asOf)])
    }
    const workflows: Files = []
    if (flags.github) {
      const githubFolder = join(flags.dir, '.github')
      starters.push([join(githubFolder, 'CODEOWNERS'), codeOwners(flags.config, flags.owner ?? unnamedOwner)])
      starters.push([join(flags.dir, 'package.json'), starterPackage(this.config.version)])
      for (const file of [...workflowFiles, ...actionFiles])
        workflows.push([
          join(githubFolder, file),
          await readFile(join(this.config.root, '.github', file), 'utf8'),
        ])
    }
    const kept = flags.github ? starters.map(([path]) => path).filter((path) => existsSync(path)) : []
    const files = [...starters.filter(([path]) => !kept.includes(path)), ...workflows]
    await this.requireFree(files, flags.force)
    for (const [file, lines] of [
      ['.gitignore', localFolders],
      ...(flags.github ? [['.npmrc', npmSettings] as const] : []),
    ] as const) {
      const path = join(flags.dir, file)
      const text = await withLines(path, lines)
      if (text !== undefined) files.push([path, text])
    }
    for (const path of kept) this.log(`kept ${relative('.', path)}`)
    for (const [path, text] of files) {
      await writeFileWhole(path, text)
      this.log(`wrote ${relative('.', path)}`)
    }
    const steps = flags.github ? await this.listSteps(flags, kept) : []
    if (steps.length > 0)
      this.log(`\nNext:\n${steps.map((step, index) => `${index + 1}. ${step}`).join('\n')}`)
    else
      this.hint(
        flags.example
          ? `Next: llmscale plan${flags['as-of'] === undefined ? '' : ` --as-of ${formatInstant(flags['as-of'])}`}`
          : `Next: put your demand history beside ${flags.config} as demand.csv (or name it there), then llmscale plan`,
      )
    return { written: files.map(([path]) => path), kept, steps }
  }

  /** Throws FILES_EXIST; a file that says the same already is free. */
  private async requireFree(files: Files, force: boolean): Promise<void> {
    const existing: string[] = []
    for (const [path, text] of files)
      if (existsSync(path) && (await readFile(path, 'utf8').catch(() => '')) !== text) existing.push(path)
    if (existing.length === 0 || force) return
    throw new LlmscaleError(
      'outputNotWritable',
      'FILES_EXIST',
      `Nothing was written, because these exist: ${existing.join(', ')}.`,
      ['--force overwrites them.', '--dir names another folder.'],
    )
  }

  private async listSteps(
    flags: { dir: string; config: string; owner?: string | undefined },
    kept: readonly string[],
  ): Promise<string[]> {
    const { environments } = await readConfig(join(flags.dir, flags.config))
    return listGitHubSteps({
      configPath: flags.config,
      owner: flags.owner ?? unnamedOwner,
      keepsOwners: kept.includes(join(flags.dir, '.github', 'CODEOWNERS')),
      environments: Object.keys(environments),
      version: this.config.version,
      keepsPackage: kept.includes(join(flags.dir, 'package.json')),
      hasLockfile: existsSync(join(flags.dir, 'package-lock.json')),
    })
  }
}

type Files = (readonly [path: string, text: string])[]

/** Four weeks of the example fleet up to the last full hour, always from the same seed. */
function exampleDemand(asOf: number): string {
  const days = 28
  const start = Math.floor(asOf / secondsPerHour) * secondsPerHour - days * secondsPerDay
  return demandCsv(synthesizeDemand('example-fleet', { seed: 1, days, stepSeconds: 300, start }))
}

/** A file with the lines that it lacks; undefined where it has them all. Folders are the same with and without slashes. */
async function withLines(path: string, wanted: readonly string[]): Promise<string | undefined> {
  const text = existsSync(path)
    ? await readFile(path, 'utf8').catch((cause: unknown) => {
        throw notWritable(path, cause)
      })
    : ''
  const bare = (line: string) => line.trim().replace(/^\/|\/$/g, '')
  const known = new Set(text.split(/\r?\n/).map(bare))
  const missing = wanted.filter((line) => !known.has(bare(line)))
  if (missing.length === 0) return undefined
  return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${missing.join('\n')}\n`
}
