import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { FailureEnvelope, SuccessEnvelope } from '../../src/cli/envelope.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { asOf, config, fleetFolder, hourlyDemand, secondWorkload } from './fleet-fixture.js'

/** The failure of a run as scripts see it: exit code, envelope, and nothing on stderr. */
async function failureOf(cwd: string, args: string[]) {
  const { code, stdout, stderr } = await runCommand([...args, '--json'], { cwd })
  expect(stderr).toBe('')
  const { status, error } = FailureEnvelope.parse(JSON.parse(stdout))
  expect(status).toBe(code)
  return { exitCode: code, ...error, text: [error.message, ...error.tryThis].join('\n') }
}
const plan = (...args: string[]) => ['plan', '--as-of', asOf, ...args]
const failureOfPlan = (cwd: string, ...args: string[]) => failureOf(cwd, plan(...args))

async function resultOfPlan(cwd: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout } = await runCommand(plan(...args, '--json'), { cwd })
  expect(code, stdout).toBe(0)
  return SuccessEnvelope.parse(JSON.parse(stdout)).result
}

describe('llmscale.yaml that names what is not there', () => {
  it.each([
    ['model', 'llama-3.1-8b', 'lama-3.1-8b', '8:12 workloads[0].model', 'llama-3.1-8b'],
    ['GPU', 'gpusPerReplica: 1', 'gpusPerReplica: 1, gpu: H1000', '5:58 shapes[0].gpu', 'H100'],
    ['instance type', 'p5.48xlarge', 'p5.48xlrge', '5:21 shapes[0].instanceType', 'p5.48xlarge'],
  ])('an unknown %s', async (kind, from, to, place, near) => {
    const failure = await failureOfPlan(fleetFolder({ config: config.replace(from, to) }))
    expect(failure).toMatchObject({ exitCode: 3, code: 'CONFIG_INVALID' })
    expect(failure.message).toContain(`llmscale.yaml:${place}: unknown ${kind} "`)
    expect(failure.message).toContain(`did you mean ${near}?`)
  })
})

describe('a workload without demand', () => {
  it('is refused where nothing is in force to keep, with the name that was probably meant', async () => {
    const demand = hourlyDemand({ model: 'llama-3-8b' })
    const failure = await failureOfPlan(fleetFolder({ config, demand }))
    expect(failure).toMatchObject({ exitCode: 6, code: 'DEMAND_MISSING' })
    expect(failure.message).toContain('there is no demand of llama-3.1-8b/us-east-1')
    expect(failure.text).toContain('Did you mean llama-3-8b/us-east-1?')
  })
})

describe('a model that fits no allowed shape', () => {
  const demand = hourlyDemand({ model: 'llama-3.1-405b' })
  const large = config.replace('model: llama-3.1-8b', 'model: llama-3.1-405b')

  it('says by how many GB, and what would do', async () => {
    const failure = await failureOfPlan(fleetFolder({ config: large, demand }))
    expect(failure).toMatchObject({ exitCode: 11, code: 'MODEL_DOES_NOT_FIT' })
    expect(failure.message).toMatch(
      /llama-3\.1-405b does not fit 1xH100-bf16@p5\.48xlarge: [\d.]+ GB short, with [\d.]+ GB of weights/,
    )
    expect(failure.text).toMatch(/allow a larger GPU or a lower precision/)
  })

  it('says so of every shape', async () => {
    const failure = await failureOfPlan(
      fleetFolder({ config: large.replace(/ +shapes: \[1xH100.*\n/, ''), demand }),
    )
    expect(failure).toMatchObject({ exitCode: 11, code: 'NO_SHAPE_FITS' })
    expect(failure.message).toContain('llama-3.1-405b in us-east-1 fits none of 2 shapes')
    for (const shape of ['1xH100-bf16@p5.48xlarge', '1xL40S-bf16@g6e.xlarge'])
      expect(failure.message).toMatch(new RegExp(`${shape}: [\\d.]+ GB short`))
  })
})

describe('demand that no plan can be made from', () => {
  const [header, ...rows] = hourlyDemand()
  const withRequests = (requests: string) =>
    rows.map((row) => row.replace(/us-east-1,\d+/, `us-east-1,${requests}`))
  const everyFiveMinutes = Array.from({ length: 12 }, (_, at) =>
    rows.at(-1)!.replace(':00:00Z', `:${String(5 * at).padStart(2, '0')}:00Z`),
  )

  it.each<[string, string[], string, RegExp]>([
    [
      'a history shorter than a day',
      rows.slice(-20),
      'HISTORY_TOO_SHORT',
      /holds 20h \(2026-03-15T04:00:00Z to 2026-03-16T00:00:00Z\); at least 1d is needed/,
    ],
    [
      'no row that can be read',
      ['yesterday,llama-3.1-8b,us-east-1,1,2,3'],
      'NO_ROWS',
      /demand\.csv: no row .*demand\.csv:2 timestamp is not an ISO 8601 time: yesterday,/,
    ],
    ['no row at all', [], 'NO_ROWS', /demand\.csv: no row can be read\n.*timestamp,model\[,region\]/],
    [
      'timestamps without a zone',
      rows.map((row, at) => (at < 3 ? row : row.replace('Z,', ','))),
      'TIMESTAMP_WITHOUT_ZONE',
      /demand\.csv:5 timestamp has no zone: 2026-03-02T03:00:00,.*\n.*2025-03-03T00:00:00Z/,
    ],
    [
      'steps of two lengths',
      [...rows.slice(0, -1), ...everyFiveMinutes],
      'MIXED_STEPS',
      /mixed steps: .*1h.*llama-3\.1-8b\/us-east-1/,
    ],
    [
      'negative counts',
      withRequests('-5').with(0, rows[0]!),
      'TOO_MANY_BAD_ROWS',
      /335 of 336 rows are bad .* allowed 1 %:\n +\S*demand\.csv:3 requests is negative: .*,-5,/,
    ],
    [
      'absurd counts',
      withRequests('1e15').with(0, rows[0]!),
      'TOO_MANY_BAD_ROWS',
      /demand\.csv:3 requests is above 1000000000000: .*,1e15,/,
    ],
  ])('%s', async (_, lines, code, message) => {
    const failure = await failureOfPlan(fleetFolder({ demand: [header!, ...lines] }))
    expect(failure).toMatchObject({ exitCode: 6, code })
    expect(failure.text).toMatch(message)
  })

  it('data older than the plan would be valid', async () => {
    const failure = await failureOf(fleetFolder(), ['plan', '--as-of', '2026-03-26T00:00:00Z'])
    expect(failure).toMatchObject({ exitCode: 6, code: 'DATA_STALE' })
    expect(failure.message).toContain('demand ends 2026-03-16T00:00:00Z, 10.0 days before')
    expect(failure.message).toContain('at most 7.0 days (planning.validity)')
    expect(failure.tryThis.join()).toContain('--as-of 2026-03-16T00:00:00Z')
  })
})

describe('a pool limit smaller than the need', () => {
  const demand = hourlyDemand({ requests: 2_000_000 })
  const limited = (maxNodes: number) =>
    fleetFolder({
      config: `${config}poolLimits: [{ instanceType: p5.48xlarge, maxNodes: ${maxNodes} }]\n`,
      demand,
    })

  it('names the constraint and the smallest change that helps', async () => {
    const failure = await failureOfPlan(limited(1))
    expect(failure).toMatchObject({ exitCode: 11, code: 'INFEASIBLE_POOL' })
    expect(failure.message).toMatch(
      /^poolLimits\[0\]\.maxNodes: a limit of 1 on p5\.48xlarge in us-east-1.*llama-3\.1-8b\/us-east-1/,
    )
    const least = Number(/Set poolLimits\[0\]\.maxNodes to at least (\d+)/.exec(failure.text)?.[1])
    expect(await failureOfPlan(limited(least - 1))).toMatchObject({ exitCode: 11, code: 'INFEASIBLE_POOL' })
    await resultOfPlan(limited(least))
  })
})

describe('a plan in force', () => {
  let inForce: Map<string, string>
  let planId: unknown
  const withPlan = (yaml: string) => {
    const folder = fleetFolder({ config: yaml, demand: bothWorkloads })
    for (const [path, text] of inForce) {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return folder
  }
  const [header, ...rows] = hourlyDemand()
  const bothWorkloads = [
    header!.replace('region', 'region,tenant'),
    ...['', 'batch'].flatMap((tenant) => rows.map((row) => row.replace('us-east-1', `us-east-1,${tenant}`))),
  ]

  beforeAll(async () => {
    const folder = fleetFolder({ config: config + secondWorkload, demand: bothWorkloads })
    const result = await resultOfPlan(folder)
    planId = result['planId']
    inForce = readPlanFiles(folder)
  })

  it.each(['plan.yaml', 'workloads/llama-3-1-8b-7b6335.us-east-1.yaml'])(
    'whose %s was edited by hand is refused, or ignored on demand',
    async (name) => {
      const folder = withPlan(config + secondWorkload)
      const path = join('forecasts/prod', name)
      const edited = inForce.get(path)!.replace(/(hardMaximum|maximumNodes): \d+/, '$1: 999')
      writeFileSync(join(folder, path), edited)
      const failure = await failureOfPlan(folder)
      expect(failure).toMatchObject({ exitCode: 12, code: 'PLAN_DIGEST_MISMATCH' })
      expect(failure.message).toMatch(
        /forecasts\/prod\/plan\.yaml planId: \w{12}… is not the digest of the files/,
      )
      expect(failure.text).toContain('--ignore-baseline')
      expect(readFileSync(join(folder, path), 'utf8')).toBe(edited)
      expect(await resultOfPlan(folder, '--ignore-baseline')).toMatchObject({ planId, baseline: null })
    },
  )

  it('loses a workload and its pool only where each is named', async () => {
    const folder = withPlan(config)
    const before = readPlanFiles(folder)
    const workload = 'llama-3.1-8b/us-east-1/batch'
    const pool = 'us-east-1/g6e.xlarge/on-demand'
    const failure = await failureOfPlan(folder, '--allow-delete', pool)
    expect(failure).toMatchObject({ exitCode: 5, code: 'DELETION_NOT_ALLOWED' })
    expect(failure.message).toContain(`this plan deletes ${workload};`)
    expect(failure.tryThis).toEqual([`Add --allow-delete ${workload}`])
    expect(readPlanFiles(folder)).toEqual(before)

    const result = await resultOfPlan(folder, '--allow-delete', pool, '--allow-delete', workload)
    expect(result['deletions']).toEqual([workload, pool])
    expect(readdirSync(join(folder, 'forecasts/prod/workloads'))).toEqual([
      'llama-3-1-8b-7b6335.us-east-1.yaml',
    ])
  })
})

/** Files under `forecasts/` by path. */
function readPlanFiles(folder: string): Map<string, string> {
  const paths = readdirSync(join(folder, 'forecasts'), { recursive: true, encoding: 'utf8' })
  return new Map(
    paths
      .filter((path) => path.endsWith('.yaml'))
      .map((path) => join('forecasts', path))
      .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  )
}

describe('an output that cannot be written', () => {
  it('a plan, where its folder is a file', async () => {
    const folder = fleetFolder()
    writeFileSync(join(folder, 'forecasts'), 'theirs')
    const failure = await failureOfPlan(folder)
    expect(failure).toMatchObject({ exitCode: 14, code: 'OUTPUT_NOT_WRITABLE' })
    expect(failure.message).toMatch(/forecasts\/prod\/\S+ cannot be written: .*not a directory/)
    expect(readFileSync(join(folder, 'forecasts'), 'utf8')).toBe('theirs')
  })

  it.each(['csv', 'parquet'])('a %s forecast, where its folder is a file', async (ending) => {
    const folder = fleetFolder()
    const failure = await failureOf(folder, ['forecast', '--out', `llmscale.yaml/forecast.${ending}`])
    expect(failure).toMatchObject({ exitCode: 14, code: 'OUTPUT_NOT_WRITABLE' })
    expect(failure.message).toContain(`llmscale.yaml/forecast.${ending} cannot be written: `)
  })

  it.each(['llmscale.yaml', '.gitignore'])('the %s of init, where it is a folder', async (name) => {
    const folder = emptyFolder()
    mkdirSync(join(folder, name))
    const failure = await failureOf(folder, ['init', '--force'])
    expect(failure).toMatchObject({ exitCode: 14, code: 'OUTPUT_NOT_WRITABLE' })
    expect(failure.message).toContain(`${name} cannot be written: `)
    expect(existsSync(join(folder, 'Pulumi.yaml'))).toBe(false)
  })
})
