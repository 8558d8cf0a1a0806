import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/metrics/pull.js'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const hour = 3600
const day = (date: string) => parseInstant(`${date}T00:00:00Z`)!

/** A folder whose llmscale.yaml reads demand.csv: one request an hour, ten tokens in, in a part of the time. */
function fleetFolder(from: number, hours: number, row = '1,10,2'): string {
  const cwd = emptyFolder()
  writeFileSync(
    join(cwd, 'llmscale.yaml'),
    `environments: {prod: {regions: [eu]}}
metrics: {files: [demand.csv]}
models: {m: {architecture: llama-3.1-8b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: m, target: {kind: Deployment, name: m}, slo: {ttftP95: 2s}}]
`,
  )
  writeDemand(cwd, from, hours, row)
  return cwd
}

function writeDemand(cwd: string, from: number, hours: number, row = '1,10,2'): void {
  const rows = Array.from({ length: hours }, (_, at) => `${formatInstant(from + at * hour)},m,eu,${row}\n`)
  writeFileSync(
    join(cwd, 'demand.csv'),
    `timestamp,model,region,requests,input_tokens,output_tokens\n${rows.join('')}`,
  )
}

const pull = (cwd: string, ...args: string[]) => runCommand(['metrics', 'pull', ...args], { cwd })
const rowsIn = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').length - 1

describe('llmscale metrics pull --out {day}', () => {
  const out = ['--out', 'days/{day}.csv']

  it('does not replace a day by less of it, unless forced', async () => {
    const cwd = fleetFolder(day('2026-03-02'), 60)
    const whole = await pull(cwd, ...out)
    expect([whole.code, whole.stderr]).toEqual([0, expect.not.stringContaining('DAY_SKIPPED')])
    expect(readdirSync(join(cwd, 'days'))).toEqual(['2026-03-02.csv', '2026-03-03.csv', '2026-03-04.csv'])

    writeDemand(cwd, day('2026-03-03') + 10 * hour, 30)
    const poorer = await pull(cwd, ...out, '--json')
    const { result, warnings } = JSON.parse(poorer.stdout)
    expect(Result.parse(result).written).toEqual(['days/2026-03-04.csv'])
    expect(warnings).toEqual([
      {
        code: 'DAY_SKIPPED',
        message: expect.stringMatching(/^2026-03-03 is not written: .* begins at 2026-03-03T10:00:00Z/),
      },
    ])
    expect(rowsIn(join(cwd, 'days/2026-03-03.csv'))).toBe(24)
    expect(rowsIn(join(cwd, 'days/2026-03-04.csv'))).toBe(16)

    expect((await pull(cwd, ...out, '--force')).code).toBe(0)
    expect(rowsIn(join(cwd, 'days/2026-03-03.csv'))).toBe(14)
  })

  it('writes no day of which nothing is known, and none at all before the first whole one', async () => {
    const cwd = fleetFolder(day('2026-03-02') + 20 * hour, 3)
    const none = await pull(cwd, ...out)
    expect([none.code, none.stderr]).toEqual([0, expect.stringContaining('2026-03-02 is not written')])
    expect(existsSync(join(cwd, 'days'))).toBe(false)

    const [first, last] = [day('2026-03-02'), day('2026-03-04')].map((midnight) =>
      Array.from({ length: 24 }, (_, at) => `${formatInstant(midnight + at * hour)},m,1\n`).join(''),
    )
    writeFileSync(join(cwd, 'demand.csv'), `timestamp,model,requests\n${first}${last}`)
    expect((await pull(cwd, ...out)).code).toBe(0)
    expect(readdirSync(join(cwd, 'days'))).toEqual(['2026-03-02.csv', '2026-03-04.csv'])
  })
})

describe('llmscale metrics pull', () => {
  it('shows the mean tokens of the requests whose tokens are known', async () => {
    const cwd = fleetFolder(day('2026-03-02'), 24)
    const text = readFileSync(join(cwd, 'demand.csv'), 'utf8')
    writeFileSync(join(cwd, 'demand.csv'), text.replaceAll(/(T0.*),1,10,2/g, '$1,3,,'))
    const run = await pull(cwd, '--out', 'a.csv.gz')
    expect(run.stdout).toMatch(/^m\/eu +2026-03-02.* 44 +10 +2 *$/m)
    expect(gunzipSync(readFileSync(join(cwd, 'a.csv.gz'))).toString()).toContain('T00:00:00Z,m,eu,,3,,,')
    const json = await pull(cwd, '--out', 'a.csv', '--json')
    expect(Result.parse(JSON.parse(json.stdout).result).workloads[0]).toMatchObject({
      requests: 44,
      tokenRequests: 14,
      inputTokens: 140,
    })
  })

  it('writes histograms to wherever --out could', async () => {
    const put: string[] = []
    const server = createServer((request, response) => {
      put.push(new URL(request.url!, 'http://s3').pathname)
      request.resume().on('end', () => response.setHeader('ETag', '"0"').end())
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    try {
      const cwd = fleetFolder(day('2026-03-02'), 24)
      const env = {
        AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_REGION: 'eu-west-1',
      }
      const histograms = 's3://fleet/lengths.parquet'
      const args = ['metrics', 'pull', '--out', 's3://fleet/demand.csv', '--histograms', histograms]
      const run = await runCommand(args, { cwd, env })
      expect([run.code, run.stderr]).toEqual([0, expect.stringContaining(histograms)])
      expect(put.map((path) => path.replace('/fleet', ''))).toEqual(['/demand.csv', '/lengths.parquet'])
      expect(readdirSync(cwd).sort()).toEqual(['demand.csv', 'llmscale.yaml'])
    } finally {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    }
  })

  it.each([
    [['--out', 'demand.json'], /--out: demand\.json is neither .*\nTry this: --out demand\.parquet/],
    [
      ['--out', 'a.csv', '--histograms', 'b'],
      /--histograms: b is neither .*\nTry this: --histograms b\.parquet/,
    ],
    [
      ['--out', '{day}.csv', '--histograms', 's3://fleet/{day}.csv'],
      /--histograms: s3:\/\/fleet\/\{day\}\.csv has \{day\}.*\nTry this: --histograms s3:\/\/fleet\/histograms\.csv/,
    ],
    [['--out', 'a.csv', '--histograms', 's3://b'], /--histograms: "s3:\/\/b" is neither/],
  ])('refuses %j', async (args, message) => {
    const cwd = fleetFolder(day('2026-03-02'), 2)
    mkdirSync(join(cwd, 'days'))
    const run = await pull(cwd, ...args)
    expect([run.code, run.stdout]).toEqual([2, ''])
    expect(run.stderr).toMatch(message)
  })
})
