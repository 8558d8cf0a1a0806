import type { PresetName } from '../../config/schema.js'
import type { Preset } from './preset.js'

// SGLang: where prefill and decode are engines of their own, both count each request and its tokens. With priorities
// the series without one is the total of the others, and each pipeline stage repeats the first's queue.
const notPrefill = 'engine_type!="prefill"'
const wholeQueue = 'priority="",pp_rank=~"0?"'
// llm-d: its names for 429 and 503.
const turnedAway = 'error_code=~"ResourceExhausted|InferencePoolResourceExhausted|ServiceUnavailable"'

/** `queuedRequests` is a part of `inFlightRequests`: a request waits before it runs. */
export const presets: Record<PresetName, Preset> = {
  vllm: {
    metricNames: 'vllm:.+',
    modelLabel: 'model_name',
    countsArrivals: false,
    processes: 'replicas',
    counters: {
      requests: [{ metric: 'vllm:request_success_total' }],
      inputTokens: [{ metric: 'vllm:prompt_tokens_total' }],
      cachedInputTokens: [
        { metric: 'vllm:prompt_tokens_cached_total' },
        { metric: 'vllm:prefix_cache_hits_total' },
      ],
      outputTokens: [{ metric: 'vllm:generation_tokens_total' }],
    },
    gauges: {
      inFlightRequests: [
        [{ metric: 'vllm:num_requests_waiting' }],
        [{ metric: 'vllm:num_requests_running' }],
        [{ metric: 'vllm:num_requests_swapped' }], // before its engine v1
      ],
      queuedRequests: [[{ metric: 'vllm:num_requests_waiting' }]],
    },
    histograms: {
      input_tokens: [{ metric: 'vllm:request_prompt_tokens' }],
      output_tokens: [{ metric: 'vllm:request_generation_tokens' }],
      ttft_seconds: [{ metric: 'vllm:time_to_first_token_seconds' }],
      itl_seconds: [
        { metric: 'vllm:inter_token_latency_seconds' },
        { metric: 'vllm:time_per_output_token_seconds' },
      ],
      end_to_end_seconds: [{ metric: 'vllm:e2e_request_latency_seconds' }],
    },
    source:
      'docs.vllm.ai/en/v0.5.0/serving/metrics.html, docs.vllm.ai/en/stable/usage/metrics, vllm-project/vllm docs/design/metrics.md and vllm/v1/metrics/loggers.py, read 2026-11-21',
  },

  // The decode engine stands for both, but for the prefix cache, which the prefill engine has.
  sglang: {
    metricNames: 'sglang:.+',
    modelLabel: 'model_name',
    countsArrivals: false,
    processes: 'replicas',
    counters: {
      requests: [{ metric: 'sglang:num_requests_total', matchers: notPrefill }],
      inputTokens: [{ metric: 'sglang:prompt_tokens_total', matchers: notPrefill }],
      cachedInputTokens: [{ metric: 'sglang:cached_tokens_total', matchers: 'engine_type!="decode"' }],
      outputTokens: [{ metric: 'sglang:generation_tokens_total', matchers: notPrefill }],
    },
    gauges: {
      inFlightRequests: [
        [{ metric: 'sglang:num_queue_reqs', matchers: wholeQueue }],
        [{ metric: 'sglang:num_running_reqs', matchers: wholeQueue }],
      ],
      queuedRequests: [[{ metric: 'sglang:num_queue_reqs', matchers: wholeQueue }]],
    },
    histograms: {
      input_tokens: [{ metric: 'sglang:prompt_tokens_histogram', matchers: notPrefill }],
      output_tokens: [{ metric: 'sglang:generation_tokens_histogram', matchers: notPrefill }],
      ttft_seconds: [{ metric: 'sglang:time_to_first_token_seconds', matchers: notPrefill }],
      itl_seconds: [
        { metric: 'sglang:inter_token_latency_seconds', matchers: notPrefill },
        { metric: 'sglang:time_per_output_token_seconds' },
      ],
      end_to_end_seconds: [{ metric: 'sglang:e2e_request_latency_seconds', matchers: notPrefill }],
    },
    source:
      'docs.sglang.io/references/production_metrics.html and sgl-project/sglang python/sglang/srt/observability/metrics_collector.py, read 2026-11-21',
  },

  // It exposes no model: one server has one. A request counts when it arrives, also one that is turned away.
  tgi: {
    metricNames: 'tgi_.+',
    countsArrivals: true,
    processes: 'replicas',
    counters: {
      requests: [{ metric: 'tgi_request_count' }],
      rejectedRequests: [{ metric: 'tgi_request_failure', matchers: 'err="overloaded"' }],
      inputTokens: [{ metric: 'tgi_request_input_length_sum' }],
      outputTokens: [{ metric: 'tgi_request_generated_tokens_sum' }],
    },
    gauges: {
      inFlightRequests: [[{ metric: 'tgi_queue_size' }], [{ metric: 'tgi_batch_current_size' }]],
      queuedRequests: [[{ metric: 'tgi_queue_size' }]],
    },
    histograms: {
      input_tokens: [{ metric: 'tgi_request_input_length' }],
      output_tokens: [{ metric: 'tgi_request_generated_tokens' }],
      itl_seconds: [{ metric: 'tgi_request_mean_time_per_token_duration' }], // a mean for each request
      end_to_end_seconds: [{ metric: 'tgi_request_duration' }],
    },
    source:
      'huggingface/text-generation-inference docs/source/reference/metrics.md, router/src/server.rs and router/src/infer, read 2026-11-21',
  },

  // It knows no tokens; its latencies are sums or in milliseconds. An ensemble and its parts are models of their own.
  triton: {
    metricNames: 'nv_(inference|trt_llm)_.+',
    modelLabel: 'model',
    countsArrivals: false,
    processes: 'replicas',
    counters: {
      requests: [{ metric: 'nv_inference_request_success' }],
      rejectedRequests: [{ metric: 'nv_inference_request_failure', matchers: 'reason="REJECTED"' }],
    },
    // A request is pending until the backend takes it; TensorRT-LLM has a queue of its own behind that.
    gauges: {
      inFlightRequests: [
        [{ metric: 'nv_inference_pending_request_count' }],
        [{ metric: 'nv_trt_llm_request_metrics', matchers: 'request_type="active"' }],
      ],
      queuedRequests: [
        [{ metric: 'nv_inference_pending_request_count' }],
        [{ metric: 'nv_trt_llm_request_metrics', matchers: 'request_type="waiting"' }],
      ],
    },
    histograms: {},
    source:
      'triton-inference-server/server docs/user_guide/metrics.md and tensorrtllm_backend README.md, read 2026-11-21',
  },

  // A request counts when it leaves the gateway’s queue for a server, one that is turned away does not: what is in
  // flight here is what has arrived and is not counted yet. Ready endpoints are known by pool, not by model.
  'llm-d': {
    metricNames: '(llm_d_router_epp|inference_(objective|model|extension))_.+',
    modelLabel: 'model_name',
    countsArrivals: false,
    processes: 'gateways',
    counters: {
      requests: [
        { metric: 'llm_d_router_epp_request_total' },
        { metric: 'inference_objective_request_total' },
        { metric: 'inference_model_request_total' },
      ],
      rejectedRequests: [
        {
          metric: 'llm_d_router_epp_request_error_total',
          matchers: turnedAway,
        },
        {
          metric: 'inference_objective_request_error_total',
          matchers: turnedAway,
        },
        {
          metric: 'inference_model_request_error_total',
          matchers: turnedAway,
        },
      ],
      inputTokens: [
        { metric: 'llm_d_router_epp_input_tokens_sum' },
        { metric: 'inference_objective_input_tokens_sum' },
        { metric: 'inference_model_input_tokens_sum' },
      ],
      cachedInputTokens: [
        { metric: 'llm_d_router_epp_prompt_cached_tokens_sum' },
        { metric: 'inference_objective_prompt_cached_tokens_sum' },
      ],
      outputTokens: [
        { metric: 'llm_d_router_epp_output_tokens_sum' },
        { metric: 'inference_objective_output_tokens_sum' },
        { metric: 'inference_model_output_tokens_sum' },
      ],
    },
    gauges: {
      inFlightRequests: [
        [
          { metric: 'llm_d_router_epp_flow_control_queue_size' },
          { metric: 'inference_extension_flow_control_queue_size' },
        ],
      ],
      queuedRequests: [
        [
          { metric: 'llm_d_router_epp_flow_control_queue_size' },
          { metric: 'inference_extension_flow_control_queue_size' },
        ],
      ],
    },
    histograms: {
      input_tokens: [
        { metric: 'llm_d_router_epp_input_tokens' },
        { metric: 'inference_objective_input_tokens' },
        { metric: 'inference_model_input_tokens' },
      ],
      output_tokens: [
        { metric: 'llm_d_router_epp_output_tokens' },
        { metric: 'inference_objective_output_tokens' },
        { metric: 'inference_model_output_tokens' },
      ],
      end_to_end_seconds: [
        { metric: 'llm_d_router_epp_request_duration_seconds' },
        { metric: 'inference_objective_request_duration_seconds' },
        { metric: 'inference_model_request_duration_seconds' },
      ],
    },
    source:
      'llm-d/llm-d-router pkg/epp/metrics, pkg/epp/handlers/server.go and pkg/common/error/error.go, kubernetes-sigs/gateway-api-inference-extension site-src/guides/metrics-and-observability.md, read 2026-11-21',
  },
}
