import { describe, expect, it } from 'vitest'
import type { Precision } from '../../src/catalog/gpu-shape.js'
import { findGpu } from '../../src/catalog/gpus.js'
import { findModel, models } from '../../src/catalog/models.js'
import { kvCacheBytes, kvCacheCapacityBytes, weightBytes } from '../../src/sizing/memory.js'
import { placeModel } from '../../src/sizing/placement.js'

const place = (model: string, precision: Precision, gpus = 1, gpu = 'H100') =>
  placeModel({ architecture: findModel(model)!.architecture, precision }, findGpu(gpu)!, gpus)

describe('weights', () => {
  it.each([
    ['llama-3.1-70b', 'bf16', 141.1],
    ['llama-3.1-8b', 'bf16', 16.1],
    ['gpt-oss-120b', 'fp4', 65.0],
  ] as const)('of %s in %s are %d GB', (model, precision, gigabytes) => {
    expect(weightBytes(place(model, precision)).total / 1e9 / gigabytes).toBeCloseTo(1, 2)
  })

  it('never grow with a lower precision', () => {
    for (const { name } of models) {
      const sizes = (['bf16', 'fp8', 'fp4'] as const).map(
        (precision) => weightBytes(place(name, precision)).total,
      )
      expect(sizes[0]! > sizes[1]! && sizes[1]! > sizes[2]!, name).toBe(true)
    }
  })
})

describe('KV cache', () => {
  it.each([
    ['llama-3.1-70b', 320],
    ['llama-3.1-8b', 128],
    ['qwen3-32b', 256],
  ])('of %s takes %d KiB a token', (model, kibibytes) => {
    expect(kvCacheBytes(place(model, 'bf16'), 1) / 1024).toBe(kibibytes)
    expect(kvCacheBytes(place(model, 'bf16'), 5000)).toBe(5000 * 1024 * kibibytes)
  })

  it('of windowed layers stops growing at the window', () => {
    const bytes = (tokens: number) => kvCacheBytes(place('gpt-oss-120b', 'fp4'), tokens) / 1024
    expect(bytes(128)).toBe(128 * 72)
    expect(bytes(10_128) - bytes(128)).toBe(10_000 * 36)
  })

  it('gets what weights leave', () => {
    const tokens = (...placed: Parameters<typeof place>) =>
      kvCacheCapacityBytes(place(...placed)) / kvCacheBytes(place(...placed), 1)
    // 70 B in 16 bits: two 80 GiB GPUs hold the weights and little else, four hold half a million tokens.
    expect(tokens('llama-3.1-70b', 'bf16', 1)).toBeLessThan(0)
    expect(tokens('llama-3.1-70b', 'bf16', 2)).toBeGreaterThan(10_000)
    expect(tokens('llama-3.1-70b', 'bf16', 2)).toBeLessThan(57_000)
    expect(tokens('llama-3.1-70b', 'bf16', 4) / 1000).toBeCloseTo(500, -2)
    // Beyond one KV head a GPU, heads are copied: sixteen GPUs hold no more than eight, but for the weights.
    const eight = kvCacheCapacityBytes(place('llama-3.1-70b', 'fp8', 8))
    const sixteen = kvCacheCapacityBytes(place('llama-3.1-70b', 'fp8', 16))
    expect(sixteen / eight).toBeLessThan(1.2)
  })
})
