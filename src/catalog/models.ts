import type { Architecture } from './architecture.js'
import { type CatalogEntry, findEntry } from './entry.js'

export interface Model extends CatalogEntry {
  /** Other names, among them Hugging Face ids. */
  aliases: readonly string[]
  architecture: Architecture
}

const asOf = '2026-11-21'

/** `source` is the repository whose config.json holds the numbers. */
export const models: readonly Model[] = [
  {
    name: 'llama-3.1-8b',
    aliases: [
      'meta-llama/Llama-3.1-8B',
      'meta-llama/Llama-3.1-8B-Instruct',
      'meta-llama/Meta-Llama-3.1-8B-Instruct',
      'nvidia/Llama-3.1-8B-Instruct-FP8',
    ],
    architecture: {
      layers: 32,
      hiddenSize: 4096,
      attentionHeads: 32,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 14_336,
      vocabularySize: 128_256,
    },
    source: 'https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct',
    asOf,
  },
  {
    name: 'llama-3.1-70b',
    aliases: [
      'meta-llama/Llama-3.1-70B',
      'meta-llama/Llama-3.1-70B-Instruct',
      'meta-llama/Meta-Llama-3.1-70B-Instruct',
      'meta-llama/Llama-3.3-70B-Instruct',
      'llama-3.3-70b',
    ],
    architecture: {
      layers: 80,
      hiddenSize: 8192,
      attentionHeads: 64,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 28_672,
      vocabularySize: 128_256,
    },
    source: 'https://huggingface.co/meta-llama/Llama-3.1-70B-Instruct',
    asOf,
  },
  {
    name: 'llama-3.1-405b',
    aliases: ['meta-llama/Llama-3.1-405B', 'meta-llama/Llama-3.1-405B-Instruct'],
    architecture: {
      layers: 126,
      hiddenSize: 16_384,
      attentionHeads: 128,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 53_248,
      vocabularySize: 128_256,
    },
    source: 'https://huggingface.co/meta-llama/Llama-3.1-405B-Instruct',
    asOf,
  },
  {
    name: 'qwen2.5-7b',
    aliases: ['Qwen/Qwen2.5-7B', 'Qwen/Qwen2.5-7B-Instruct'],
    architecture: {
      layers: 28,
      hiddenSize: 3584,
      attentionHeads: 28,
      keyValueHeads: 4,
      headSize: 128,
      intermediateSize: 18_944,
      vocabularySize: 152_064,
    },
    source: 'https://huggingface.co/Qwen/Qwen2.5-7B-Instruct',
    asOf,
  },
  {
    name: 'qwen2.5-32b',
    aliases: ['Qwen/Qwen2.5-32B', 'Qwen/Qwen2.5-32B-Instruct'],
    architecture: {
      layers: 64,
      hiddenSize: 5120,
      attentionHeads: 40,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 27_648,
      vocabularySize: 152_064,
    },
    source: 'https://huggingface.co/Qwen/Qwen2.5-32B-Instruct',
    asOf,
  },
  {
    name: 'qwen2.5-72b',
    aliases: ['Qwen/Qwen2.5-72B', 'Qwen/Qwen2.5-72B-Instruct'],
    architecture: {
      layers: 80,
      hiddenSize: 8192,
      attentionHeads: 64,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 29_568,
      vocabularySize: 152_064,
    },
    source: 'https://huggingface.co/Qwen/Qwen2.5-72B-Instruct',
    asOf,
  },
  {
    name: 'qwen3-32b',
    aliases: ['Qwen/Qwen3-32B'],
    architecture: {
      layers: 64,
      hiddenSize: 5120,
      attentionHeads: 64,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 25_600,
      vocabularySize: 151_936,
    },
    source: 'https://huggingface.co/Qwen/Qwen3-32B',
    asOf,
  },
  {
    name: 'mistral-7b',
    aliases: ['mistralai/Mistral-7B-v0.3', 'mistralai/Mistral-7B-Instruct-v0.3'],
    architecture: {
      layers: 32,
      hiddenSize: 4096,
      attentionHeads: 32,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 14_336,
      vocabularySize: 32_768,
    },
    source: 'https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.3',
    asOf,
  },
  {
    name: 'mixtral-8x7b',
    aliases: ['mistralai/Mixtral-8x7B-v0.1', 'mistralai/Mixtral-8x7B-Instruct-v0.1'],
    architecture: {
      layers: 32,
      hiddenSize: 4096,
      attentionHeads: 32,
      keyValueHeads: 8,
      headSize: 128,
      intermediateSize: 14_336,
      vocabularySize: 32_000,
      experts: 8,
      expertsPerToken: 2,
    },
    source: 'https://huggingface.co/mistralai/Mixtral-8x7B-Instruct-v0.1',
    asOf,
  },
  {
    name: 'gpt-oss-20b',
    aliases: ['openai/gpt-oss-20b'],
    architecture: {
      layers: 24,
      hiddenSize: 2880,
      attentionHeads: 64,
      keyValueHeads: 8,
      headSize: 64,
      intermediateSize: 2880,
      vocabularySize: 201_088,
      experts: 32,
      expertsPerToken: 4,
      slidingWindow: { tokens: 128, layers: 12 },
      fourBitBlockSize: 32,
    },
    source: 'https://huggingface.co/openai/gpt-oss-20b',
    asOf,
  },
  {
    name: 'gpt-oss-120b',
    aliases: ['openai/gpt-oss-120b'],
    architecture: {
      layers: 36,
      hiddenSize: 2880,
      attentionHeads: 64,
      keyValueHeads: 8,
      headSize: 64,
      intermediateSize: 2880,
      vocabularySize: 201_088,
      experts: 128,
      expertsPerToken: 4,
      slidingWindow: { tokens: 128, layers: 18 },
      fourBitBlockSize: 32,
    },
    source: 'https://huggingface.co/openai/gpt-oss-120b',
    asOf,
  },
]

export const modelNames: readonly string[] = models.map(({ name }) => name)

/** The catalogue's model of a short name or a Hugging Face id, whatever the case. */
export function findModel(name: string): Model | undefined {
  return findEntry(models, name)
}
