import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Envelope, FailureEnvelope, SuccessEnvelope } from '../../src/cli/envelope.js'
import { emptyFolder, runCli } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const commands = readdirSync('src/commands', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3).replaceAll('/', ' '))

/** Packages whose modules a run of the CLI loads; of @pulumi, @duckdb and @octokit each member. */
async function loadedPackages(args: string[]): Promise<string[]> {
  const { stderr } = await runCli(args, { env: { NODE_DEBUG: 'module,esm' } })
  return [...new Set([...stderr.matchAll(/node_modules\/((?:@[\w-]+\/)?[\w.-]+)/g)].map(([, name]) => name!))]
}
const heavy = /^(@pulumi\/|@duckdb\/|@octokit\/|octokit$|highs)/

describe('--help', () => {
  it('lists the commands that exist and no others', async () => {
    const { code, stdout } = await runCli(['--help'])
    expect(code).toBe(0)
    const listed = [...stdout.matchAll(/^ {2}([a-z][\w-]*) {2,}\S/gm)].map(([, word]) => word!)
    const existing = new Set([...commands.map((command) => command.split(' ')[0]!), 'help'])
    expect(listed.sort()).toEqual(expect.arrayContaining([...existing].sort()))
    expect(listed.filter((word) => !existing.has(word))).toEqual([])
  })

  it('describes every command, with examples', async () => {
    for (const command of commands) {
      const { code, stdout } = await runCommand([...command.split(' '), '--help'])
      expect(code, command).toBe(0)
      expect(stdout, command).toMatch(/EXAMPLES/)
    }
  }, 120_000)

  it('shows a command in 80 columns, the flags of all commands last', async () => {
    const { stdout } = await runCli(['init', '--help'])
    await expect(stdout).toMatchFileSnapshot('../golden/cli/init-help.txt')
  })

  it('loads neither the engine, DuckDB, a solver nor octokit', async () => {
    const packages = await loadedPackages(['--help'])
    expect(packages).toContain('@oclif/core')
    expect(packages.filter((name) => heavy.test(name))).toEqual([])
  })

  it('would be seen to load them', async () => {
    const file = join(emptyFolder(), 'demand.csv')
    writeFileSync(file, 'timestamp,model,requests\n2026-01-01T00:00:00Z,m,1\n')
    expect(await loadedPackages(['metrics', 'check', file])).toContain('@duckdb/node-api')
  })
})

describe('a mistyped command line', () => {
  it.each([
    [['initt'], 'llmscale has no command "initt".', 'Try this: llmscale init\n'],
    [
      ['metrics', 'chek', 'demand.csv'],
      'has no command "metrics chek demand.csv"',
      'llmscale metrics check\n',
    ],
    [['init', 'here'], 'llmscale init takes no argument "here".', 'Try this: llmscale init\n'],
    [['init', '--exmple'], 'Nonexistent flag: --exmple', 'Did you mean --example?'],
    [['init', '--dir'], 'Flag --dir expects a value', 'llmscale init --help'],
    [
      ['init', '--as-of', 'today', '--example'],
      'Error: --as-of: "today" is not a time',
      '--as-of 2026-12-01',
    ],
    [['rollback'], 'Error: Missing required flag reason', 'llmscale rollback --help'],
  ])('%j exits 2 and says what was meant', async (args, message, advice) => {
    const run = await runCommand(args)
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).toContain(message)
    expect(run.stderr).toContain(advice)
    expect(run.stderr).not.toMatch(/^ +at /m)
  })

  it('says what is wrong with a time on one line of the envelope, and what to write', async () => {
    const { stdout } = await runCommand(['plan', '--as-of', 'yesterday', '--json'])
    const { error } = FailureEnvelope.parse(JSON.parse(stdout))
    expect(error.message).toBe('--as-of: "yesterday" is not a time, as a date or with a zone')
    expect(error.tryThis).toEqual(['--as-of 2026-12-01, or --as-of 2026-12-01T08:00:00Z'])
  })

  it.each([[['initt', '--json']], [['init', '--exmple', '--json']]])(
    '%j is answered in the envelope',
    async (args) => {
      const { code, stdout } = await runCommand(args)
      expect(code).toBe(2)
      expect(Envelope.parse(JSON.parse(stdout))).toMatchObject({ status: 2, warnings: [], error: {} })
    },
  )
})

describe('--json', () => {
  it('prints the envelope alone on success', async () => {
    const folder = emptyFolder()
    const { code, stdout, stderr } = await runCli(['init', '--json'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(SuccessEnvelope.parse(JSON.parse(stdout)).result).toEqual({
      written: ['llmscale.yaml', 'Pulumi.yaml', '.gitignore'],
      kept: [],
      steps: [],
    })
  })

  it('prints the envelope with the exit code on an expected failure', async () => {
    const { code, stdout, stderr } = await runCli(['plan', '--json'], { cwd: emptyFolder() })
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    expect(FailureEnvelope.parse(JSON.parse(stdout))).toMatchObject({
      status: 3,
      error: {
        code: 'CONFIG_MISSING',
        tryThis: ['llmscale init writes one.', 'Name another with --config.'],
      },
    })
  })
})

describe('without a terminal', () => {
  it('prints no escape codes, whatever the environment says', async () => {
    for (const env of [{}, { NO_COLOR: '1' }]) {
      const { stdout, stderr } = await runCli(['init', '--no-color'], { cwd: emptyFolder(), env })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are control characters
      expect(stdout + stderr).not.toMatch(/\x1b/)
    }
  })

  it('says nothing on stderr under --quiet', async () => {
    const { code, stdout, stderr } = await runCli(['init', '--quiet'], { cwd: emptyFolder() })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('wrote llmscale.yaml')
  })
})
