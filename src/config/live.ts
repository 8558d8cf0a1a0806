import { z } from 'zod'
import { withoutCredentials } from '../kit/secret-forms.js'
import { Duration, Label } from './values.js'

const shortestSeconds = 60
const longestSeconds = 300

/** Credentials would stand in a ConfigMap and in the arguments of a pod. */
const mergedBranch = /^git\+(?:https|ssh|file):\/\/(?![^/]*:[^/]*@)[^#\s]+#[^:\s]+(?::\S+)?$/

/** Of `live:`: the exporter that raises floors between two reviews. */
export const Live = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('True where plans may open a live floor for workloads that are shown to gain by it.'),
  every: Duration.refine((seconds) => seconds >= shortestSeconds && seconds <= longestSeconds, {
    error: 'is not between 1m and 5m',
  })
    .prefault('5m')
    .describe('How often the floor is renewed: 1m to 5m.'),
  quantile: z
    .number()
    .min(0.5)
    .max(0.99)
    .optional()
    .describe(
      'Of the highest load until the next floor can be ready; default the critical ratio of the price of a shortfall, 0.9 to 0.95.',
    ),
  image: z.string().min(1).optional().describe('Container image that has llmscale; the exporter needs it.'),
  from: z
    .string()
    .regex(mergedBranch, {
      error: ({ input }) =>
        `${JSON.stringify(withoutCredentials(String(input)))} is not git+https://host/owner/repo.git#branch (:folder behind it), without credentials`,
    })
    .optional()
    .describe(
      'Where the exporter reads the merged plan: git+https://host/owner/repo.git#branch, with :folder where llmscale.yaml is not at the top. The exporter needs it; a token is LLMSCALE_GIT_TOKEN in the secret.',
    ),
  namespace: Label.default('monitoring').describe('Where the exporter runs.'),
  serviceAccount: z.string().min(1).default('llmscale-live').describe('Of its pods.'),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(2)
    .describe('Pods of it; all compute the same floors, and the highest counts.'),
  port: z.int().min(1024).max(65535).default(9464).describe('Where it serves /metrics.'),
  secret: Label.optional().describe(
    'Secret whose keys become environment variables, and files in /var/run/secrets/llmscale.',
  ),
  operator: z
    .boolean()
    .default(true)
    .describe('True where the Prometheus operator runs: it is told what to scrape and when to alert.'),
  monitorLabels: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'By which that operator’s Prometheus selects ServiceMonitors and rules, e.g. {release: prometheus}.',
    ),
})
export type Live = z.infer<typeof Live>
