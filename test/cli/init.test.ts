import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { z } from 'zod'
import { readConfig } from '../../src/cli/project.js'
import { Result } from '../../src/commands/init.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8')

describe('llmscale init', () => {
  it('writes a commented configuration of at most 15 lines that is right', async () => {
    const folder = emptyFolder()
    const { code, stdout, stderr } = await runCommand(['init'], { cwd: folder })
    expect(code).toBe(0)
    expect(stdout).toBe('wrote llmscale.yaml\nwrote Pulumi.yaml\nwrote .gitignore\n')
    expect(stderr).toMatch(/^Next: .*demand\.csv/)
    const text = read(folder, 'llmscale.yaml')
    expect(text).toMatch(
      /^# yaml-language-server: \$schema=\.\/node_modules\/llmscale\/schema\/llmscale\.schema\.json\n/,
    )
    expect(existsSync('schema/llmscale.schema.json')).toBe(true)
    const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
    expect(lines.length).toBeLessThanOrEqual(15)
    expect((await readConfig(join(folder, 'llmscale.yaml'))).trigger?.query).toContain('{model}')
    const ours = parse(readFileSync('Pulumi.yaml', 'utf8'))
    expect(parse(read(folder, 'Pulumi.yaml'))).toEqual({
      ...ours,
      main: `node_modules/llmscale/${ours.main}`,
    })
    expect(read(folder, '.gitignore')).toBe('.llmscale/\nnode_modules/\n')
  })

  it('invents no demand: a plan then fails and names the missing file', async () => {
    const folder = emptyFolder()
    await runCommand(['init'], { cwd: folder })
    const { code, stderr } = await runCommand(['plan'], { cwd: folder })
    expect(code).toBe(6)
    expect(stderr).toContain('demand.csv')
  })

  it('overwrites nothing without --force, and then writes nothing at all', async () => {
    const folder = emptyFolder()
    writeFileSync(join(folder, 'Pulumi.yaml'), 'name: theirs\n')
    const { code, stderr } = await runCommand(['init'], { cwd: folder })
    expect(code).toBe(14)
    expect(stderr).toContain('Pulumi.yaml')
    expect(stderr).toContain('--force')
    expect(readdirSync(folder)).toEqual(['Pulumi.yaml'])
    expect((await runCommand(['init', '--force'], { cwd: folder })).code).toBe(0)
    expect(read(folder, 'Pulumi.yaml')).toContain('name: llmscale')
  })

  it.each(['node_modules', '/node_modules/'])(
    'adds to a .gitignore of %s what it lacks, once',
    async (line) => {
      const folder = emptyFolder()
      writeFileSync(join(folder, '.gitignore'), line)
      await runCommand(['init'], { cwd: folder })
      await runCommand(['init', '--force'], { cwd: folder })
      expect(read(folder, '.gitignore')).toBe(`${line}\n.llmscale/\n`)
    },
  )

  it('names what cannot be written', async () => {
    const file = join(emptyFolder(), 'a-file')
    writeFileSync(file, '')
    const { code, stderr } = await runCommand(['init', '--dir', file])
    expect(code).toBe(14)
    expect(stderr).toContain('a-file')
  })

  it('gives an example fleet whose configuration and demand speak of the same workloads', async () => {
    const folder = emptyFolder()
    const args = ['init', '--example', '--as-of', '2026-03-02T10:20:00Z', '--dir', folder]
    expect((await runCommand(args)).code).toBe(0)
    const config = await readConfig(join(folder, 'llmscale.yaml'))
    const planned = config.workloads.flatMap(({ model, regions }) =>
      regions!.map((region) => `${model},${region}`),
    )
    const rows = read(folder, 'demand.csv').trimEnd().split('\n').slice(1)
    const demanded = new Set(rows.map((row) => row.split(',').slice(1, 3).join()))
    expect([...demanded].sort()).toEqual(planned.sort())
    expect(rows[0]).toMatch(/^2026-02-02T10:00:00Z,/)
    expect(rows.at(-1)).toMatch(/^2026-03-02T09:55:00Z,/)

    const again = emptyFolder()
    await runCommand([...args.slice(0, -1), again])
    expect(read(again, 'demand.csv')).toBe(read(folder, 'demand.csv'))
  })

  describe('--github', () => {
    const workflows = ['plan.yml', 'preview.yml', 'apply.yml', 'verify.yml', 'dashboard.yml'].map(
      (file) => `workflows/${file}`,
    )
    const init = (folder: string, ...args: string[]) =>
      runCommand(['init', '--github', '--dir', folder, '--json', ...args]).then(({ code, stdout }) => {
        const { result, error } = JSON.parse(stdout)
        return { code, error, ...(result && Result.parse(result)) } as Partial<z.infer<typeof Result>> & {
          code: number
          error?: { message: string }
        }
      })

    it('copies the workflows of this repository, and what they need beside them', async () => {
      const folder = emptyFolder()
      const { code, written } = await init(folder, '--owner', '@acme/platform')
      expect(code).toBe(0)
      for (const file of [...workflows, 'action.yml', 'heartbeat/action.yml'])
        expect(read(folder, `.github/${file}`)).toBe(read('.', `.github/${file}`))
      expect(readdirSync(join(folder, '.github/workflows'))).not.toContain('ci.yml')
      expect(read(folder, '.github/CODEOWNERS')).toMatch(/^\/llmscale\.yaml +@acme\/platform$/m)
      expect(read(folder, '.npmrc')).toBe('ignore-scripts=true\n')
      const { version } = JSON.parse(read('.', 'package.json'))
      expect(JSON.parse(read(folder, 'package.json'))).toEqual({
        private: true,
        dependencies: { llmscale: version },
      })
      expect(written).toHaveLength(13)
    })

    it('leaves no variable, secret or environment of the workflows out of its steps', async () => {
      const folder = emptyFolder()
      const { steps } = await init(folder)
      const text = workflows.map((file) => read('.', `.github/${file}`)).join()
      const names = [...text.matchAll(/(?:vars|secrets)\.(\w+)/g)].map(([, name]) => name!)
      // What stays as it is where nobody sets it.
      const optional = ['LLMSCALE_CONFIG', 'LLMSCALE_RUNNER', 'LLMSCALE_KILL_SWITCH']
      for (const name of new Set(names))
        expect(optional.includes(name) || steps!.join().includes(name), name).toBe(true)
      expect(steps!.join()).toContain('make production,')
      expect(steps![0]).toMatch(/^npm install, and commit/)
    })

    it('keeps what people wrote, and overwrites a workflow only with --force', async () => {
      const folder = emptyFolder()
      await runCommand(['init', '--dir', folder])
      const config = read(folder, 'llmscale.yaml').replace('production:', 'prod-eu:')
      writeFileSync(join(folder, 'llmscale.yaml'), config)
      writeFileSync(join(folder, 'package.json'), '{}')
      writeFileSync(join(folder, '.npmrc'), 'save-exact=true')
      const { code, kept, steps } = await init(folder)
      expect(code).toBe(0)
      expect(kept).toEqual(['llmscale.yaml', 'Pulumi.yaml', 'package.json'].map((file) => join(folder, file)))
      expect(steps!.join()).toContain('--env prod-eu')
      expect(steps![0]).toMatch(/^npm install --save-exact llmscale@/)
      expect(read(folder, '.npmrc')).toBe('save-exact=true\nignore-scripts=true\n')

      const plan = join(folder, '.github/workflows/plan.yml')
      writeFileSync(plan, 'name: ours\n')
      const refused = await init(folder)
      expect([refused.code, refused.error!.message]).toEqual([
        14,
        expect.stringMatching(/these exist: \S+plan\.yml\.$/),
      ])
      expect((await init(folder, '--force')).code).toBe(0)
      expect(readFileSync(plan, 'utf8')).toBe(read('.', '.github/workflows/plan.yml'))
      expect(read(folder, 'llmscale.yaml')).toBe(config)
    })
  })
})
