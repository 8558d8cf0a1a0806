import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { WorkloadReport } from '../../src/planning/capacity-plan.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const data = process.env['LLMSCALE_TEST_DATA']
const end = '2025-03-17T00:00:00Z'

interface PlanResult {
  planId: string
  changed: boolean
  written: string[]
  header: {
    findings: { code: string; message: string }[]
    cost: { usdPerDay: { p50: number }; staticPeakUsdPerDay: number }
  }
  workloads: WorkloadReport[]
}

async function plan(args: string[]): Promise<{ result: PlanResult }> {
  const { code, stdout, stderr } = await runCommand(['plan', '--json', ...args])
  expect(code, stderr + stdout).toBe(0)
  return JSON.parse(stdout)
}

describe.skipIf(data === undefined)('llmscale plan on real traces (needs LLMSCALE_TEST_DATA)', () => {
  const folder = emptyFolder()
  const servegen = [
    '--config',
    'examples/servegen/llmscale.yaml',
    '--metrics',
    `${data}/servegen-demand-10min.csv.gz`,
  ]
  let first: Awaited<ReturnType<typeof plan>>
  beforeAll(async () => {
    first = await plan([...servegen, '--as-of', end, '--out', folder])
  })

  it('plans two production models from two weeks, with what is assumed said', () => {
    const { result } = first
    expect(result.workloads.map((workload) => workload.model)).toEqual(['m-large', 'm-mid'])
    expect(result.header.findings.filter((finding) => finding.code === 'MODEL_ASSUMED')).toHaveLength(2)
    expect(result.workloads.every((workload) => workload.capacityProvenance === 'assumed')).toBe(true)
    expect(result.header.findings.map((finding) => finding.message).join()).toContain(
      'm-mid/us-east-1: 102 of 2016 steps are masked',
    )
    expect(result.header.cost.usdPerDay.p50).toBeLessThan(result.header.cost.staticPeakUsdPerDay)
    // The plan, two workloads and their charts.
    expect(result.written).toHaveLength(5)
    for (const path of result.written) expect(existsSync(path)).toBe(true)
  })

  it('scores every gate out of sample, and opens none for these aggregates that it cannot stand for', () => {
    for (const { gate } of first.result.workloads) {
      expect(gate.origins).toBe(7)
      expect(gate.open).toBe(gate.low! > 0)
      expect(gate.low!).toBeLessThanOrEqual(gate.floorSkill!)
      expect(gate.high!).toBeGreaterThanOrEqual(gate.floorSkill!)
    }
  })

  it('writes nothing where nothing changes, and the same bytes elsewhere', async () => {
    const again = await plan([...servegen, '--as-of', end, '--out', folder])
    expect(again.result.planId).toBe(first.result.planId)
    expect(again.result.written).toEqual([])
    const other = emptyFolder()
    const fresh = await plan([...servegen, '--as-of', end, '--out', other])
    for (const path of fresh.result.written) {
      const text = readFileSync(path, 'utf8')
      expect(text).toBe(readFileSync(path.replace(other, folder), 'utf8'))
    }
  })

  it('explains and renders what it planned', async () => {
    const explained = await runCommand(['explain', '--plan', folder, 'm-mid/us-east-1'])
    expect(explained.stdout).toContain('the gate is closed')
    expect(explained.stdout).toContain('hardMaximum')
    const rendered = await runCommand(['render', '--plan', folder, '--stdout'])
    expect(rendered.code, rendered.stderr).toBe(0)
    expect(rendered.stdout.match(/^kind: ScaledObject$/gm)).toHaveLength(2)
  })

  it('sets floors for tenants whose days repeat, where they beat the best reactive trigger', async () => {
    const { result } = await plan([
      ...[
        '--config',
        'examples/servegen-tenants/llmscale.yaml',
        '--metrics',
        `${data}/servegen-tenants-10min.csv.gz`,
      ],
      ...['--as-of', end, '--out', emptyFolder()],
    ])
    const open = result.workloads.filter((workload) => workload.gate.open)
    expect(open.map((workload) => workload.tenant)).toContain('tenant-105')
    for (const { gate, reasons } of open) {
      expect(gate.low!).toBeGreaterThan(0)
      expect(reasons.find((reason) => reason.field === 'floors')!.value).toMatch(/windows$/)
    }
  })

  it('refuses floors for pure bursts: BurstGPT api', async () => {
    const config = join(emptyFolder(), 'llmscale.yaml')
    writeFileSync(
      config,
      `
environments: {production: {regions: [us-east-1]}}
metrics: {files: [burstgpt-hourly-42d.csv]}
models:
  api: {architecture: llama-3.1-8b, assumed: true}
  conversation: {architecture: llama-3.1-8b, assumed: true}
shapes: [{instanceType: g6e.xlarge, gpusPerReplica: 1, precision: fp8}]
workloads:
  - {model: api, target: {kind: Deployment, name: api}, slo: {ttftP95: 2s}, assumedLengths: {inputTokens: 600, outputTokens: 250}}
  - {model: conversation, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}, assumedLengths: {inputTokens: 600, outputTokens: 250}}
`,
    )
    const { result } = await plan([
      ...['--config', config, '--metrics', `${data}/burstgpt-hourly-42d.csv`],
      ...['--as-of', '2025-04-14T00:00:00Z', '--out', emptyFolder()],
    ])
    const api = result.workloads.find((workload) => workload.model === 'api')!
    expect(api.gate.open).toBe(false)
    expect(api.gate.origins).toBe(14)
    expect(api.reasons.find((reason) => reason.field === 'floors')!.because).toContain('the gate is closed')
  })
})
