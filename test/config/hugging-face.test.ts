import { describe, expect, it } from 'vitest'
import { findModel } from '../../src/catalog/models.js'
import { parseHuggingFaceConfig } from '../../src/config/hugging-face.js'

// The keys of meta-llama/Llama-3.1-8B-Instruct and openai/gpt-oss-20b that are read.
const llama = {
  num_hidden_layers: 32,
  hidden_size: 4096,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14_336,
  vocab_size: 128_256,
  tie_word_embeddings: false,
}
const gptOss = {
  num_hidden_layers: 24,
  hidden_size: 2880,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  head_dim: 64,
  intermediate_size: 2880,
  vocab_size: 201_088,
  num_local_experts: 32,
  num_experts_per_tok: 4,
  sliding_window: 128,
  layer_types: Array.from({ length: 24 }, (_, layer) => (layer % 2 ? 'full_attention' : 'sliding_attention')),
}
const read = (value: object) => parseHuggingFaceConfig(JSON.stringify(value), 'config.json')

describe('a Hugging Face config.json', () => {
  it('gives the numbers that the catalogue has of the same model', () => {
    expect(read(llama)).toMatchObject(findModel('llama-3.1-8b')!.architecture)
    const { fourBitBlockSize: _, ...architecture } = findModel('gpt-oss-20b')!.architecture
    expect(read(gptOss)).toMatchObject(architecture)
  })

  it('is read for its text part where the model is multimodal', () => {
    expect(read({ vision_config: {}, text_config: llama })).toEqual(read(llama))
  })

  it('ignores a sliding window that is switched off', () => {
    expect(
      read({ ...llama, sliding_window: 131_072, use_sliding_window: false }).slidingWindow,
    ).toBeUndefined()
  })

  it.each([
    [{ ...llama, hidden_size: undefined }, /config.json hidden_size: is required/],
    [{ ...llama, kv_lora_rank: 512 }, /config.json kv_lora_rank: multi-head latent attention/],
    [[], /config.json: \[\] is not a block of keys/],
  ])('is refused where it does not say enough: %#', (value, message) => {
    expect(() => read(value)).toThrow(message)
  })

  it('is refused where it is not JSON', () => {
    expect(() => parseHuggingFaceConfig('{', 'config.json')).toThrow(/config.json is not JSON/)
    expect(() => parseHuggingFaceConfig('null', 'config.json')).toThrow(/config.json/)
  })
})
