import { z } from 'zod'
import { Share } from './values.js'

const Labels = z
  .record(z.string().min(1), z.string())
  .optional()
  .describe('Labels of the series; default {workload: NAME}, with the name of the autoscaler.')

const metric = (described: string) =>
  z.string().min(1).describe(`${described}, as the metrics adapter names it.`)

const PodsMetric = z.strictObject({
  metric: metric('A metric of each pod'),
  perPod: z.number().positive().describe('Mean over the pods that is aimed at.'),
})

/** What a HorizontalPodAutoscaler reads. Metrics other than CPU and memory need an adapter: docs/gitops.md. */
export const Hpa = z.strictObject({
  preset: z
    .enum(['reactive', 'multi-metric'])
    .default('reactive')
    .describe(
      'The plan’s own trigger, or the usual five: CPU 70 %, memory 80 %, queue 10, requests 50, latency.',
    ),
  reactive: z
    .strictObject({ metric: metric('What the query of `trigger:` gives'), labels: Labels })
    .optional()
    .describe('External metric of the preset reactive; default llmscale_reactive_load.'),
  cpu: Share.optional().describe('Of what the pods ask for.'),
  memory: Share.optional().describe('Of what the pods ask for.'),
  queue: PodsMetric.optional().describe('Requests that wait; default vllm_num_requests_waiting.'),
  requests: PodsMetric.optional().describe('Requests that run; default vllm_num_requests_running.'),
  latency: z
    .strictObject({
      metric: metric('Seconds'),
      seconds: z.number().positive().describe('Latency that is aimed at.'),
      labels: Labels,
    })
    .optional()
    .describe('External metric; default vllm_time_to_first_token_p95_seconds at ttftP95 of the SLO.'),
})
