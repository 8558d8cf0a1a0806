import { z } from 'zod'
import type { Architecture } from '../catalog/architecture.js'
import { LlmscaleError } from '../kit/errors.js'
import { explainIssue } from './explain-issue.js'

const Size = z.int().min(1)

/** The keys of a Hugging Face config.json that memory and speed follow from; it holds many more. */
const HuggingFaceConfig = z.object({
  num_hidden_layers: Size,
  hidden_size: Size,
  num_attention_heads: Size,
  num_key_value_heads: Size.nullish(),
  head_dim: Size.nullish(),
  intermediate_size: Size,
  vocab_size: Size,
  tie_word_embeddings: z.boolean().nullish(),
  num_local_experts: Size.nullish(),
  num_experts: Size.nullish(),
  n_routed_experts: Size.nullish(),
  num_experts_per_tok: Size.nullish(),
  moe_intermediate_size: Size.nullish(),
  kv_lora_rank: Size.nullish(),
  sliding_window: Size.nullish(),
  use_sliding_window: z.boolean().nullish(),
  layer_types: z.array(z.string()).nullish(),
})

/**
 * The architecture in the text of a Hugging Face config.json; of a multimodal model its text part.
 * Throws CONFIG_INVALID where a number is missing, or where the KV cache is not that of grouped-query attention.
 * Source of the keys: https://huggingface.co/docs/transformers/main_classes/configuration
 */
export function parseHuggingFaceConfig(text: string, path: string): Architecture {
  const invalid = (message: string) => new LlmscaleError('configInvalid', 'CONFIG_INVALID', message)
  let value: { text_config?: unknown }
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(`${path} is not JSON: ${(error as Error).message}`)
  }
  const result = HuggingFaceConfig.safeParse(value?.text_config ?? value, {
    reportInput: true,
    error: explainIssue,
  })
  if (!result.success) {
    const lines = result.error.issues.map((issue) => `${[path, ...issue.path].join(' ')}: ${issue.message}`)
    throw invalid(lines.join('\n'))
  }
  const config = result.data
  if (config.kv_lora_rank) {
    throw invalid(
      `${path} kv_lora_rank: multi-head latent attention is not modelled; give the numbers of a model like it`,
    )
  }
  const experts = config.num_local_experts ?? config.num_experts ?? config.n_routed_experts ?? undefined
  return {
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    attentionHeads: config.num_attention_heads,
    keyValueHeads: config.num_key_value_heads ?? config.num_attention_heads,
    headSize: config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads),
    intermediateSize:
      (experts === undefined ? undefined : config.moe_intermediate_size) ?? config.intermediate_size,
    vocabularySize: config.vocab_size,
    experts,
    expertsPerToken: experts === undefined ? undefined : (config.num_experts_per_tok ?? 1),
    tiedEmbeddings: config.tie_word_embeddings ?? false,
    slidingWindow: slidingWindowOf(config),
  }
}

function slidingWindowOf(config: z.infer<typeof HuggingFaceConfig>): Architecture['slidingWindow'] {
  if (!config.sliding_window || config.use_sliding_window === false) return undefined
  const layers =
    config.layer_types?.filter((type) => type === 'sliding_attention').length ?? config.num_hidden_layers
  return layers === 0 ? undefined : { tokens: config.sliding_window, layers }
}
