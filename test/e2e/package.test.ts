import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { emptyFolder } from '../run-cli.js'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const manifest: {
  version: string
  dependencies: Record<string, string>
} = readJson(join(root, 'package.json'))

describe('the lockfile', () => {
  interface Locked {
    version: string
    dev?: boolean
    dependencies?: Record<string, string>
    peerDependencies?: Record<string, string>
  }
  const packages = Object.entries<Locked>(readJson(join(root, 'package-lock.json')).packages).filter(
    ([path, { dev }]) => path !== '' && dev !== true,
  )

  // The engine and the SDK are of one version, and a consumer has no overrides of ours.
  it('gives a consumer one @pulumi/pulumi: the version that we pin is in the range of all who ask for it', () => {
    const pinned = manifest.dependencies['@pulumi/pulumi']!
    expect(pinned).toMatch(/^\d+\.\d+\.\d+$/)
    const copies = packages.filter(([path]) => path.endsWith('node_modules/@pulumi/pulumi'))
    expect(copies.map(([path, { version }]) => [path, version])).toEqual([
      ['node_modules/@pulumi/pulumi', pinned],
    ])
    const ranges = packages.flatMap(([path, { dependencies, peerDependencies }]) =>
      Object.entries({ ...dependencies, ...peerDependencies })
        .filter(([name]) => name === '@pulumi/pulumi')
        .map(([, range]) => ({ path, range })),
    )
    expect(ranges.map(({ path }) => path)).toContain('node_modules/@pulumi/kubernetes')
    for (const { path, range } of ranges)
      expect(isInCaretRange(pinned, range), `${path}: ${range}`).toBe(true)
  })
})

/** Whether `^a.b.c` with a > 0 admits a version. */
function isInCaretRange(version: string, range: string): boolean {
  const [major, minor, patch] = version.split('.').map(Number)
  const [leastMajor, leastMinor, leastPatch] =
    /^\^([1-9]\d*)\.(\d+)\.(\d+)$/.exec(range)?.slice(1).map(Number) ?? []
  if (major !== leastMajor) return false
  return minor! > leastMinor! || (minor === leastMinor && patch! >= leastPatch!)
}

const fromSource = process.env['LLMSCALE_TEST_SOURCE'] === '1'

describe.skipIf(fromSource)(
  `the package${fromSource ? ' (not run: it holds the compiled program)' : ''}`,
  () => {
    /** An empty folder in which the packed tarball is installed, with what it declares to depend on and nothing else. */
    const folder = emptyFolder()
    const installed = join(folder, 'node_modules/llmscale')
    let files: { path: string; size: number }[]

    const inFolder = (command: string, args: string[]) =>
      run(command, args, { cwd: folder, env: { ...process.env, npm_config_offline: 'true' } })
    const evaluate = (code: string) => inFolder(process.execPath, ['--input-type=module', '--eval', code])

    beforeAll(async () => {
      const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root })
      const [packed] = JSON.parse(stdout)
      files = packed.files
      mkdirSync(installed, { recursive: true })
      await run('tar', ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1'])
      for (const name of Object.keys(manifest.dependencies))
        link(`node_modules/${name}`, `node_modules/${name}`)
      link('node_modules/llmscale/bin/run.js', 'node_modules/.bin/llmscale', folder)
    })

    function link(from: string, to: string, base = root): void {
      mkdirSync(dirname(join(folder, to)), { recursive: true })
      symlinkSync(join(base, from), join(folder, to))
    }

    it('holds what its users need and nothing else', () => {
      const paths = files.map(({ path }) => path)
      const expected = [
        '.github/action.yml',
        '.github/heartbeat/action.yml',
        '.github/workflows/apply.yml',
        '.github/workflows/dashboard.yml',
        '.github/workflows/plan.yml',
        '.github/workflows/preview.yml',
        '.github/workflows/verify.yml',
        'LICENSE',
        'README.md',
        'bin/run.js',
        'oclif.manifest.json',
        'package.json',
        'schema/llmscale.schema.json',
        'tools/engine/build.mjs',
        'tools/engine/go-build.mjs',
        'tools/engine/go.mod',
        'tools/engine/go.sum',
      ]
      expect(paths).toEqual(expect.arrayContaining(expected))
      const others = paths.filter((path) => !expected.includes(path))
      expect(
        others.filter(
          (path) =>
            !/^(dist\/(src|stacks|policies)\/.*\.(js|d\.ts)|policies\/pack\/[^/]+|schema\/results\/.*\.json|docs\/.*\.md)$/.test(
              path,
            ),
        ),
      ).toEqual([])
      expect(files.filter(({ size }) => size >= 150_000)).toEqual([])
    })

    it('knows all its commands without looking for them', () => {
      const { version, commands } = readJson(join(installed, 'oclif.manifest.json'))
      expect(version).toBe(manifest.version)
      const compiled = files.flatMap(({ path }) => /^dist\/src\/commands\/(.*)\.js$/.exec(path)?.[1] ?? [])
      expect(Object.keys(commands).sort()).toEqual(compiled.map((path) => path.replaceAll('/', ':')).sort())
    })

    it('makes a plan of an example with two commands', { timeout: 240_000 }, async () => {
      await inFolder('npx', ['llmscale', 'init', '--example'])
      const { stdout } = await inFolder('npx', ['llmscale', 'plan'])
      expect(stdout).toMatch(/^Plan \w{12} for production, as of /)
      expect(existsSync(join(folder, 'forecasts/production/plan.yaml'))).toBe(true)

      const [firstLine] = readFileSync(join(folder, 'llmscale.yaml'), 'utf8').split('\n')
      const schema = /\$schema=(\S+)$/.exec(firstLine!)?.[1]
      expect(readJson(join(folder, schema!))).toMatchObject({ title: 'llmscale.yaml' })
      expect(existsSync(join(folder, parse(readFileSync(join(folder, 'Pulumi.yaml'), 'utf8')).main))).toBe(
        true,
      )
    })

    it.each([
      ['llmscale', ['createPlan', 'forecastDemand', 'parseConfig', 'sizeReplica']],
      ['llmscale/stacks', ['createProgram', 'readEnvironmentInputs']],
      ['llmscale/policies', ['createPolicies', 'spotCap']],
    ])('exports %s', async (name, members) => {
      const { stdout } = await evaluate(`console.log(JSON.stringify(Object.keys(await import('${name}'))))`)
      expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(members))
    })

    it('has types for each export', async () => {
      writeFileSync(
        join(folder, 'consumer.mts'),
        `import { type CapacityPlan, type Config, createPlan, type PlanInputs } from 'llmscale'
         import { createPolicies, type Policy } from 'llmscale/policies'
         import { createProgram, type ProgramInputs } from 'llmscale/stacks'
         export const plan = (inputs: PlanInputs): CapacityPlan => createPlan(inputs)
         export const policies = (config: Config): Policy[] => createPolicies(config, 'prod')
         export const program = (inputs: ProgramInputs) => createProgram(inputs)
         // @ts-expect-error: the types are there, and not any
         createPolicies({ spotCup: 0.3 }, 'prod')`,
      )
      const modules = join(root, 'node_modules')
      const options = '--noEmit --strict --skipLibCheck --module nodenext --target es2022 --types node'
      const typeRoots = ['--typeRoots', join(modules, '@types')]
      await inFolder(join(modules, '.bin/tsc'), [...options.split(' '), ...typeRoots, 'consumer.mts'])
    })

    it.each(['dist/src/planning/create-plan.js', 'schema/llmscale.schema.json', 'bin/run.js'])(
      'hides %s',
      async (path) => {
        await expect(evaluate(`await import('llmscale/${path}')`)).rejects.toThrow(
          'ERR_PACKAGE_PATH_NOT_EXPORTED',
        )
      },
    )

    it('says where the engine would be built', async () => {
      const { stdout } = await inFolder(process.execPath, [
        join(installed, 'tools/engine/build.mjs'),
        '--print',
      ])
      expect(stdout).toMatch(/llmscale\/engine-[\d.]+-\w+$/m)
    })
  },
)
