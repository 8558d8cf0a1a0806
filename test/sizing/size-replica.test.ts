import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findGpu } from '../../src/catalog/gpus.js'
import { instanceTypes } from '../../src/catalog/instance-types.js'
import { findModel, models } from '../../src/catalog/models.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { interTokenSeconds, prefillSeconds, promptSeconds } from '../../src/sizing/latency.js'
import { placeModel } from '../../src/sizing/placement.js'
import { type ReplicaToSize, sizeReplica } from '../../src/sizing/size-replica.js'

const llama70b: ReplicaToSize = {
  modelName: 'llama-3.1-70b',
  architecture: findModel('llama-3.1-70b')!.architecture,
  assumed: false,
  shape: { gpu: 'H100', gpusPerReplica: 2, precision: 'fp8', instanceType: 'p5.48xlarge' },
  slo: { ttftP95Seconds: 2, itlP95Seconds: 0.05 },
  lengths: { inputTokens: 1000, outputTokens: 300, maximumInputTokens: 4000, maximumOutputTokens: 1200 },
}

const requestsPerSecond = (replica: ReplicaToSize): number => {
  try {
    return sizeReplica(replica).requestsPerSecond
  } catch (error) {
    if (error instanceof LlmscaleError && error.reason === 'infeasible') return 0
    throw error
  }
}
const failure = (replica: ReplicaToSize): LlmscaleError => {
  try {
    sizeReplica(replica)
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('no failure')
}

const lengths = fc
  .record({
    inputTokens: fc.integer({ min: 50, max: 8000 }),
    outputTokens: fc.integer({ min: 20, max: 2000 }),
  })
  .map((mean) => ({
    ...mean,
    maximumInputTokens: 2 * mean.inputTokens,
    maximumOutputTokens: 2 * mean.outputTokens,
  }))
const slo = fc
  .record({
    ttft: fc.integer({ min: 100, max: 10_000 }),
    itl: fc.integer({ min: 5, max: 200 }),
    endToEnd: fc.integer({ min: 2000, max: 300_000 }),
  })
  .map(({ ttft, itl, endToEnd }) => ({
    ttftP95Seconds: ttft / 1000,
    itlP95Seconds: itl / 1000,
    endToEndP95Seconds: endToEnd / 1000,
  }))
/** Bisection stops within a billionth. */
const notLess = (value: number, than: number) => expect(value * (1 + 1e-6)).toBeGreaterThanOrEqual(than)
const shape = fc
  .record({
    type: fc.constantFrom(...instanceTypes.filter(({ gpusPerNode }) => gpusPerNode === 8)),
    gpusPerReplica: fc.constantFrom(1, 2, 4, 8),
    precision: fc.constantFrom('bf16', 'fp8', 'fp4', 'int4'),
  } as const)
  .map(({ type, ...rest }) => ({ ...rest, gpu: type.gpu, instanceType: type.name }))
const replica = fc.record({ model: fc.constantFrom(...models), shape, slo, lengths }).map(
  ({ model, ...rest }): ReplicaToSize => ({
    ...rest,
    modelName: model.name,
    architecture: model.architecture,
    assumed: false,
  }),
)

describe('capacity', () => {
  it('never falls with a looser service level', () => {
    const factor = fc.integer({ min: 1, max: 5 })
    fc.assert(
      fc.property(replica, factor, factor, factor, (each, ttft, itl, endToEnd) => {
        const looser = {
          ttftP95Seconds: each.slo.ttftP95Seconds! * ttft,
          itlP95Seconds: each.slo.itlP95Seconds! * itl,
          endToEndP95Seconds: each.slo.endToEndP95Seconds! * endToEnd,
        }
        notLess(requestsPerSecond({ ...each, slo: looser }), requestsPerSecond(each))
      }),
    )
  })

  it('never falls with a faster GPU', () => {
    fc.assert(
      fc.property(replica, (each) => {
        const on = (gpu: string) => requestsPerSecond({ ...each, shape: { ...each.shape, gpu } })
        notLess(on('A100-80GB'), on('A100-40GB'))
        notLess(on('H100'), on('A100-80GB'))
        notLess(on('H200'), on('H100'))
        notLess(on('B200'), on('H200'))
      }),
    )
  })

  it('is where the service level or memory binds', () => {
    fc.assert(
      fc.property(replica, (each) => {
        if (requestsPerSecond(each) === 0) return
        const { bindingLimit, ttftSeconds, itlSeconds, maximumConcurrency, ...sized } = sizeReplica(each)
        const { ttftP95Seconds, itlP95Seconds } = each.slo
        expect(ttftSeconds).toBeLessThanOrEqual(ttftP95Seconds!)
        expect(itlSeconds).toBeLessThanOrEqual(itlP95Seconds!)
        expect(maximumConcurrency * each.lengths.inputTokens).toBeLessThanOrEqual(
          sized.kvCacheTokens + each.lengths.inputTokens,
        )
        if (bindingLimit === 'itl') expect(itlSeconds / itlP95Seconds!).toBeCloseTo(1, 5)
      }),
    )
  })

  it('is linear in tokens, and its prompts alone never ask for more than the replica has', () => {
    fc.assert(
      fc.property(replica, (each) => {
        if (requestsPerSecond(each) === 0) return
        const sized = sizeReplica(each)
        const { inputTokens, outputTokens } = each.lengths
        const busy =
          inputTokens * sized.replicaSecondsPerInputToken + outputTokens * sized.replicaSecondsPerOutputToken
        expect(sized.requestsPerSecond * busy).toBeCloseTo(1, 9)
        expect(sized.requestsPerSecond * inputTokens).toBeLessThan(sized.prefillTokensPerSecond)
      }),
    )
  })

  it('without a service level ends where memory, the engine or the prefill queue does', () => {
    const lone = sizeReplica({ ...llama70b, slo: {} })
    expect(lone.bindingLimit).toBe('kv-cache')
    const prompts = { inputTokens: 8000, outputTokens: 10, maximumInputTokens: 8000, maximumOutputTokens: 10 }
    expect(sizeReplica({ ...llama70b, slo: {}, lengths: prompts }).bindingLimit).toBe('ttft')
    const small = { ...llama70b, architecture: findModel('qwen2.5-7b')!.architecture, slo: {} }
    const stories = { inputTokens: 50, outputTokens: 1000, maximumInputTokens: 50, maximumOutputTokens: 1000 }
    const shape = {
      gpu: 'B200',
      gpusPerReplica: 2,
      precision: 'fp8',
      instanceType: 'p6-b200.48xlarge',
    } as const
    expect(sizeReplica({ ...small, shape, lengths: stories }).bindingLimit).toBe('batch-limit')
  })

  it('grows with GPUs that NVLink joins', () => {
    for (const { name, architecture } of models) {
      for (const gpu of ['A100-80GB', 'H100', 'H200']) {
        const carried = [1, 2, 4, 8].map((gpusPerReplica) =>
          requestsPerSecond({ ...llama70b, architecture, shape: { ...llama70b.shape, gpu, gpusPerReplica } }),
        )
        for (const [index, value] of carried.slice(1).entries()) notLess(value, carried[index]!)
        expect(carried[3], `${name} on ${gpu}`).toBeGreaterThan(carried[0]!)
      }
    }
  })

  it('may fall with GPUs that only PCIe joins: all-reduces of long prompts cost more than they save', () => {
    const prompts = {
      inputTokens: 8000,
      outputTokens: 100,
      maximumInputTokens: 8000,
      maximumOutputTokens: 100,
    }
    const small = { ...llama70b, architecture: findModel('llama-3.1-8b')!.architecture, lengths: prompts }
    const on = (gpusPerReplica: number) =>
      requestsPerSecond({
        ...small,
        shape: { gpu: 'L40S', gpusPerReplica, precision: 'fp8', instanceType: 'g6e.48xlarge' },
      })
    expect(on(4)).toBeLessThan(on(1))
  })
})

describe('latency', () => {
  it('rises with concurrency and with input length', () => {
    const running = fc.integer({ min: 1, max: 500 })
    fc.assert(
      fc.property(
        replica,
        running,
        running,
        fc.integer({ min: 1, max: 4000 }),
        (each, sequences, more, longer) => {
          const placement = placeModel(
            { architecture: each.architecture, precision: each.shape.precision },
            findGpu(each.shape.gpu)!,
            each.shape.gpusPerReplica,
          )
          const { inputTokens, outputTokens } = each.lengths
          const at = (count: number, input: number) =>
            interTokenSeconds(placement, count, { inputTokens: input, outputTokens })
          expect(at(sequences + more, inputTokens)).toBeGreaterThan(at(sequences, inputTokens))
          expect(at(sequences, inputTokens + longer)).toBeGreaterThan(at(sequences, inputTokens))
          expect(promptSeconds(placement, inputTokens + longer)).toBeGreaterThanOrEqual(
            promptSeconds(placement, inputTokens),
          )
          expect(prefillSeconds(placement, inputTokens + longer)).toBeGreaterThan(
            prefillSeconds(placement, inputTokens),
          )
        },
      ),
    )
  })

  it('is that of a known order: an 8 B model in 16 bits on one H100 decodes alone at 6–10 ms a token', () => {
    const placement = placeModel(
      { architecture: findModel('llama-3.1-8b')!.architecture, precision: 'bf16' },
      findGpu('H100')!,
      1,
    )
    const seconds = interTokenSeconds(placement, 1, { inputTokens: 1000, outputTokens: 300 })
    expect(seconds).toBeGreaterThan(0.006)
    expect(seconds).toBeLessThan(0.01)
  })
})

describe('what cannot be', () => {
  it('says by how many GB a model does not fit, and what would do', () => {
    const error = failure({ ...llama70b, shape: { ...llama70b.shape, precision: 'bf16', gpusPerReplica: 1 } })
    expect(error).toMatchObject({ code: 'MODEL_DOES_NOT_FIT', reason: 'infeasible' })
    expect(error.message).toMatch(/^llama-3.1-70b does not fit 1xH100-bf16@p5.48xlarge: \d+\.\d GB short/)
    expect(error.tryThis).toEqual(['gpusPerReplica: 2 holds it on p5.48xlarge.'])
  })

  it('says when no number of GPUs would do', () => {
    const shape = { gpu: 'A10G', gpusPerReplica: 1, precision: 'bf16', instanceType: 'g5.xlarge' } as const
    expect(failure({ ...llama70b, shape }).tryThis[0]).toContain('allow a larger GPU or a lower precision')
  })

  it('counts the longest request', () => {
    const lengths = { ...llama70b.lengths, maximumInputTokens: 1_000_000 }
    expect(failure({ ...llama70b, lengths }).code).toBe('MODEL_DOES_NOT_FIT')
  })

  it('says which service level is missed, and by how much', () => {
    const error = failure({ ...llama70b, slo: { ttftP95Seconds: 2, itlP95Seconds: 0.005 } })
    expect(error).toMatchObject({ code: 'SLO_NOT_REACHABLE', reason: 'infeasible' })
    expect(error.message).toMatch(
      /P95 inter-token latency of a request that runs alone is .* above 5\.00 ms\.$/,
    )
    expect(error.message).not.toContain('time to first token')
  })

  it('names the nearest GPU', () => {
    const error = failure({ ...llama70b, shape: { ...llama70b.shape, gpu: 'H10' } })
    expect(error).toMatchObject({ code: 'GPU_UNKNOWN', reason: 'configInvalid' })
  })
})

describe('cold start', () => {
  it('is estimated from the weights, or given', () => {
    const { coldStart } = sizeReplica(llama70b)
    expect(coldStart).toMatchObject({ weightsSeconds: 73, provenance: 'estimated' })
    expect(coldStart.totalSeconds).toBeGreaterThanOrEqual(120)
    expect(coldStart.totalSeconds).toBeLessThanOrEqual(480)
    const given = sizeReplica({ ...llama70b, coldStart: { node: 90, image: 30, weights: 40, warmUp: 20 } })
    expect(given.coldStart).toMatchObject({ totalSeconds: 180, provenance: 'assumed' })
    expect(sizeReplica({ ...llama70b, coldStart: { image: 30 } }).coldStart.provenance).toBe('estimated')
  })
})

describe('provenance', () => {
  it('labels an assumed architecture', () => {
    expect(sizeReplica({ ...llama70b, assumed: true })).toMatchObject({ provenance: 'assumed' })
    expect(sizeReplica({ ...llama70b, assumed: true }).source).toContain('the architecture is assumed')
  })

  it('says where constants are carried over to a GPU that nobody measured', () => {
    expect(sizeReplica(llama70b)).toMatchObject({ provenance: 'estimated' })
    expect(sizeReplica(llama70b).source).toContain('fitted to public measurements on H100')
    const shape = { ...llama70b.shape, gpu: 'A100-80GB', instanceType: 'p4de.24xlarge', gpusPerReplica: 4 }
    expect(sizeReplica({ ...llama70b, shape }).source).toContain('carried over to A100-80GB')
  })
})

describe('a replica over several nodes', () => {
  const onNodes = (nodes: number): ReplicaToSize => ({
    ...llama70b,
    shape: { gpu: 'H100', gpusPerReplica: 8 * nodes, precision: 'bf16', instanceType: 'p5.48xlarge' },
  })

  it('carries less than its nodes would alone, as long as memory does not bind', () => {
    const slo = { ttftP95Seconds: 1, itlP95Seconds: 0.03 }
    const [one, two, four] = [1, 2, 4].map((nodes) => sizeReplica({ ...onNodes(nodes), slo }))
    expect([one, two, four].map((sized) => sized!.bindingLimit)).not.toContain('kv-cache')
    expect(two!.requestsPerSecond).toBeGreaterThan(one!.requestsPerSecond)
    expect(two!.requestsPerSecond).toBeLessThan(2 * one!.requestsPerSecond)
    expect(four!.requestsPerSecond).toBeCloseTo(2 * two!.requestsPerSecond, 6)
  })

  it('has the weights once and the KV cache of all nodes', () => {
    const [one, two] = [1, 2].map((nodes) => sizeReplica(onNodes(nodes)))
    expect(two!.weightBytes).toBe(one!.weightBytes)
    const freed = (two!.kvCacheTokens - 2 * one!.kvCacheTokens) * one!.kvCacheBytesPerToken
    // A second node brings as much memory again, and takes no second copy of the weights.
    expect(freed / one!.weightBytes).toBeCloseTo(1, 3)
  })

  it('says that the pipeline is assumed', () => {
    const sized = sizeReplica(onNodes(2))
    expect(sized.provenance).toBe('assumed')
    expect(sized.source).toContain('a pipeline of 2 nodes is assumed to take 1.25 times as long as one node')
  })
})
