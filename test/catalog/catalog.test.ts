import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countParameters } from '../../src/catalog/architecture.js'
import { parseShape, precisions, shapeName } from '../../src/catalog/gpu-shape.js'
import { findGpu, gpuNames, gpus } from '../../src/catalog/gpus.js'
import { findInstanceType, instanceTypeNames, instanceTypes } from '../../src/catalog/instance-types.js'
import { findModel, models } from '../../src/catalog/models.js'
import { onDemandPrices, spotSavings } from '../../src/catalog/price-list.js'
import { nodePrice } from '../../src/catalog/prices.js'

const data = process.env['LLMSCALE_TEST_DATA']

describe('models', () => {
  it.each([
    ['llama-3.1-8b', 8.03],
    ['llama-3.1-70b', 70.55],
    ['llama-3.1-405b', 405.85],
    ['qwen2.5-7b', 7.62],
    ['qwen2.5-32b', 32.76],
    ['qwen2.5-72b', 72.71],
    ['qwen3-32b', 32.76],
    ['mistral-7b', 7.25],
    ['mixtral-8x7b', 46.7],
    ['gpt-oss-20b', 20.91],
    ['gpt-oss-120b', 116.83],
  ])('%s has the published %d billion parameters', (name, billions) => {
    const { total } = countParameters(findModel(name)!.architecture)
    expect(Math.abs(total / 1e9 / billions - 1)).toBeLessThan(0.001)
  })

  it('counts what one token passes through', () => {
    expect(countParameters(findModel('mixtral-8x7b')!.architecture).active / 1e9).toBeCloseTo(12.88, 2)
    const llama = countParameters(findModel('llama-3.1-8b')!.architecture)
    expect(llama.active).toBe(llama.total)
  })

  it('are found by name or Hugging Face id, whatever the case', () => {
    expect(findModel('META-llama/llama-3.1-70b-instruct')?.name).toBe('llama-3.1-70b')
    expect(findModel('Llama-3.1-8B')?.name).toBe('llama-3.1-8b')
    expect(findModel('llama-9')).toBeUndefined()
    const names = models.flatMap(({ name, aliases }) => [name, ...aliases]).map((name) => name.toLowerCase())
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('every fact', () => {
  it('says where it comes from and of when it is', () => {
    for (const { name, source, asOf } of [...models, ...gpus, ...instanceTypes]) {
      expect(source, name).toMatch(/^https:\/\//)
      expect(asOf, name).toMatch(/^20\d\d-\d\d-\d\d$/)
    }
  })

  it('of an instance type has its GPU and a price', () => {
    for (const { name, gpu } of instanceTypes) {
      expect(findGpu(gpu), name).toBeDefined()
      expect(onDemandPrices.usdPerHour[name], name).toBeGreaterThan(0)
    }
    expect(Object.keys(onDemandPrices.usdPerHour).sort()).toEqual([...instanceTypeNames].sort())
    expect(Object.keys(spotSavings.percent).filter((name) => !instanceTypeNames.includes(name))).toEqual([])
  })

  it('a lower precision is never slower', () => {
    for (const { flopsPerSecond, name } of gpus) {
      const { bf16, fp8 = bf16, fp4 = fp8 } = flopsPerSecond
      expect(bf16 <= fp8 && fp8 <= fp4, name).toBe(true)
    }
  })

  it.skipIf(data === undefined)('of the price list is that of the dated source', () => {
    const read = (name: string) =>
      readFileSync(join(data!, name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(','))
    const listed = read('aws-gpu-on-demand-us-east-1-2026-07-20.csv').map(
      ([, , name, usd]) => [name, usd] as const,
    )
    expect(onDemandPrices.usdPerHour).toEqual(
      Object.fromEntries(
        listed.filter(([name]) => findInstanceType(name!)).map(([name, usd]) => [name, Number(usd)]),
      ),
    )
    for (const [region, name, percent] of read('aws-gpu-spot-advisor-2025-06-28.csv')) {
      const embedded = spotSavings.percent[name!]?.[region!]
      if (embedded !== undefined) expect(embedded, `${name} ${region}`).toBe(Number(percent))
    }
  })
})

describe('shape names', () => {
  it('are read back as they are written', () => {
    const shape = fc.record({
      gpu: fc.constantFrom(...gpuNames),
      gpusPerReplica: fc.integer({ min: 1, max: 16 }),
      precision: fc.constantFrom(...precisions),
      instanceType: fc.constantFrom(...instanceTypeNames),
    })
    fc.assert(
      fc.property(shape, (each) => {
        expect(parseShape(shapeName(each))).toEqual(each)
      }),
    )
  })

  it.each(['', 'H100', '0xH100-fp8@p5.48xlarge', '2xH100-fp6@p5.48xlarge', '2xH100-fp8'])(
    '%j is none',
    (text) => {
      expect(parseShape(text)).toBeUndefined()
    },
  )
})

describe('prices', () => {
  const p5 = { instanceType: 'p5.48xlarge', region: 'us-east-1', capacityType: 'on-demand' } as const

  it('are the list’s in us-east-1 and estimated elsewhere', () => {
    expect(nodePrice(p5, [])).toMatchObject({ usdPerHour: 55.04, provenance: 'measured', asOf: '2026-07-20' })
    const elsewhere = nodePrice({ ...p5, region: 'eu-north-1' }, [])
    expect(elsewhere).toMatchObject({ usdPerHour: 55.04, provenance: 'estimated' })
    expect(elsewhere?.source).toContain('price of us-east-1')
  })

  it('on spot are on demand less the advisor’s saving', () => {
    const spot = nodePrice({ ...p5, capacityType: 'spot' }, [])
    expect(spot?.usdPerHour).toBeCloseTo(55.04 * (1 - 0.52), 6)
    expect(spot).toMatchObject({ provenance: 'estimated', asOf: '2025-06-28' })
    expect(nodePrice({ ...p5, instanceType: 'p6-b200.48xlarge', capacityType: 'spot' }, [])).toBeUndefined()
  })

  it('of a reservation are those on demand', () => {
    expect(nodePrice({ ...p5, capacityType: 'reserved' }, [])).toEqual(nodePrice(p5, []))
  })

  it('of the config stand over the list, the region’s own over the general', () => {
    const general = { instanceType: 'p5.48xlarge', capacityType: 'on-demand', usdPerHour: 40 } as const
    const own = { ...general, region: 'us-east-1', usdPerHour: 30 }
    expect(nodePrice(p5, [general, own])).toMatchObject({
      usdPerHour: 30,
      provenance: 'assumed',
      source: 'llmscale.yaml',
    })
    expect(nodePrice({ ...p5, region: 'us-west-2' }, [general, own])?.usdPerHour).toBe(40)
    expect(nodePrice({ ...p5, capacityType: 'spot' }, [own])?.usdPerHour).toBeCloseTo(30 * 0.48, 6)
    expect(nodePrice({ ...p5, instanceType: 'x1.large' }, [])).toBeUndefined()
  })
})
