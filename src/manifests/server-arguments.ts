import { nodesOfReplica } from '../catalog/instance-types.js'
import type { EnvironmentVariable } from './cluster-object.js'
import type { ServedWorkload } from './served-workload.js'

/** A server alone, or the leader or a worker of a group that spans nodes. */
export type ServerRole = 'server' | 'leader' | 'worker'

/** Where weights and other files of a model lie, whatever the volume. */
export const modelFolder = '/models'
/** The only other folder that servers write to. */
export const scratchFolder = '/tmp'

/** Sizing counts on this share of each GPU's memory (`src/sizing/memory.ts`). */
const gpuMemoryShare = 0.9

/**
 * Arguments of `vllm serve` (https://docs.vllm.ai/en/stable/cli/serve/). Over several nodes layers are split into one
 * stage a node, and each layer over the GPUs of its node, which alone have fast links
 * (https://docs.vllm.ai/en/stable/serving/parallelism_scaling/); LeaderWorkerSet tells each pod its rank.
 */
export function createArguments(served: ServedWorkload, role: ServerRole): string[] {
  const { workload, serve, lengthLimits } = served
  const nodes = nodesOfReplica(served.workload.shape)
  const quantization = serve.quantization ?? (workload.shape.precision === 'fp8' ? 'fp8' : 'checkpoint')
  return [
    'serve',
    serve.model,
    `--served-model-name=${workload.model}`,
    `--port=${serve.port}`,
    `--tensor-parallel-size=${workload.shape.gpusPerReplica / nodes}`,
    ...(nodes > 1 ? createGroupArguments(nodes, role) : []),
    `--gpu-memory-utilization=${gpuMemoryShare}`,
    ...(lengthLimits === undefined
      ? []
      : [`--max-model-len=${lengthLimits.inputTokens + lengthLimits.outputTokens}`]),
    ...(serve.maxSequences === undefined ? [] : [`--max-num-seqs=${serve.maxSequences}`]),
    // Four-bit weights are made beforehand: vLLM reads the method off the checkpoint.
    ...(quantization === 'checkpoint' ? [] : [`--quantization=${quantization}`]),
    ...serve.args,
  ]
}

function createGroupArguments(nodes: number, role: ServerRole): string[] {
  return [
    `--pipeline-parallel-size=${nodes}`,
    '--distributed-executor-backend=mp',
    `--nnodes=${nodes}`,
    role === 'worker' ? '--node-rank=$(LWS_WORKER_INDEX)' : '--node-rank=0',
    '--master-addr=$(LWS_LEADER_ADDRESS)',
    ...(role === 'worker' ? ['--headless'] : []),
  ]
}

/**
 * Environment of a server: that of llmscale.yaml stands over ours. PyTorch asks for the name of its user, whom the
 * image may not know (https://github.com/vllm-project/vllm/issues/44548); all caches lie below HOME.
 * @param fabricAdapters of the pod, through which NCCL reaches other nodes
 */
export function createEnvironment({ serve }: ServedWorkload, fabricAdapters: number): EnvironmentVariable[] {
  const own = {
    HOME: scratchFolder,
    USER: 'vllm',
    HF_HOME: modelFolder,
    VLLM_NO_USAGE_STATS: '1',
    // Nodes that Karpenter launches reserve no huge pages (https://ofiwg.github.io/libfabric/main/man/fi_efa.7.html).
    ...(fabricAdapters > 0 ? { FI_PROVIDER: 'efa', FI_EFA_USE_HUGE_PAGE: '0' } : {}),
  }
  const given = serve.env.map(
    ({ name, value, secret }): EnvironmentVariable =>
      secret === undefined
        ? { name, value: value ?? '' }
        : { name, valueFrom: { secretKeyRef: { name: secret.name, key: secret.key } } },
  )
  const named = new Set(given.map(({ name }) => name))
  return [
    ...Object.entries(own)
      .filter(([name]) => !named.has(name))
      .map(([name, value]) => ({ name, value })),
    ...given,
  ]
}
