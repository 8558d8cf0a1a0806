import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/size.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const lengths = ['--input-tokens', '1000', '--output-tokens', '300']
const wanted = ['size', '--model', 'llama-3.1-70b', '--ttft-p95', '2s', '--itl-p95', '50ms', ...lengths]

describe('llmscale size', () => {
  it('describes one shape', async () => {
    const { code, stdout } = await runCommand([...wanted, '--shape', '2xH100-fp8@p5.48xlarge'])
    expect(code).toBe(0)
    await expect(stdout).toMatchFileSnapshot('../golden/sizing/one-shape.txt')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  it('ranks several by the price of a request and says what is not possible', async () => {
    const shapes = ['2xH100-fp8@p5.48xlarge', '1xH100-fp8@p5.48xlarge', '1xB200-fp4@p6-b200.48xlarge']
    const { code, stdout } = await runCommand([...wanted, ...shapes.flatMap((shape) => ['--shape', shape])])
    expect(code).toBe(0)
    await expect(stdout).toMatchFileSnapshot('../golden/sizing/several-shapes.txt')
  })

  it('gives the same as JSON', async () => {
    const { code, stdout } = await runCommand([...wanted, '--shape', '2xH100-fp8@p5.48xlarge', '--json'])
    expect(code).toBe(0)
    const { result } = JSON.parse(stdout)
    expect(Result.safeParse(result).error).toBeUndefined()
    expect(result.models[0].shapes[0]).toMatchObject({
      name: '2xH100-fp8@p5.48xlarge',
      provenance: 'estimated',
    })
  })

  it('reads a config, and flags stand over it', async () => {
    const folder = emptyFolder()
    writeFileSync(
      join(folder, 'llmscale.yaml'),
      `environments:
  production: { regions: [us-east-1] }
metrics: { files: [demand.csv] }
shapes:
  - { instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8 }
workloads:
  - model: llama-3.1-70b
    target: { kind: Deployment, name: llama }
    slo: { ttftP95: 2s, itlP95: 50ms }
    assumedLengths: { inputTokens: 1000, outputTokens: 300 }
`,
    )
    const run = async (...args: string[]) => {
      const { code, stdout } = await runCommand(['size', '--json', ...args], { cwd: folder })
      expect(code).toBe(0)
      return JSON.parse(stdout).result.models[0].shapes[0].requestsPerSecond as number
    }
    const configured = await run()
    expect(configured).toBeGreaterThan(1)
    expect(await run('--itl-p95', '20ms')).toBeLessThan(configured)
    expect(await run('--input-tokens', '4000')).toBeLessThan(configured)
  })

  it.each([
    [
      ['--model', 'lama-3.1-70b', '--shape', '2xH100-fp8@p5.48xlarge', ...lengths],
      3,
      'Did you mean llama-3.1-70b?',
    ],
    [['--model', 'llama-3.1-8b', '--shape', '2xH100', ...lengths], 2, 'is not a GPU shape; write'],
    [
      ['--model', 'llama-3.1-8b', '--shape', '1xH100-fp8@p5.48large', ...lengths],
      3,
      'Did you mean p5.4xlarge?',
    ],
    [
      ['--model', 'llama-3.1-8b', '--shape', '1xH100-fp8@p5en.48xlarge', ...lengths],
      3,
      'has 8 H200, no H100',
    ],
    [['--model', 'llama-3.1-8b', '--shape', '1xH100-fp8@p5.48xlarge'], 2, 'Nothing says how long'],
    [['--model', 'llama-3.1-405b', '--shape', '1xH100-fp8@p5.48xlarge', ...lengths], 11, 'GB short'],
  ])('%j exits %d', async (args, expected, text) => {
    const { code, stderr } = await runCommand(['size', ...args], { cwd: emptyFolder() })
    expect(stderr).toContain(text)
    expect(code).toBe(expected)
  })
})
