import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { completeConfigText } from '../../cli/config-text.js'
import { collectorOf, environmentOf, readConfig } from '../../cli/project.js'
import { deliverObjects, objectFlags, WrittenObjects } from '../../cli/written-objects.js'
import { parseDestination } from '../../delivery/publish.js'
import { LlmscaleError } from '../../kit/errors.js'
import { createCollector, findMissingSecrets } from '../../manifests/collector.js'

export const Result = z.strictObject({
  environment: z.string(),
  to: z.string().describe('Where the job writes; {day} stands for the day.'),
  objects: WrittenObjects,
})

export default class MetricsCollector extends BaseCommand {
  static override description =
    'Write the job that collects demand inside the cluster, as Kubernetes YAML: for a Prometheus that the planning job cannot reach.'
  static override examples = [
    '<%= config.bin %> metrics collector',
    '<%= config.bin %> metrics collector --stdout | kubectl apply --server-side -f -',
  ]
  static override flags = objectFlags('collector')

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(MetricsCollector)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const collector = collectorOf(config, flags.config)
    requireSharedTarget(collector.to, flags.config)
    for (const warning of findMissingSecrets(collector)) this.note(warning)
    const configText = await completeConfigText(flags.config, config)
    return {
      environment,
      to: collector.to,
      objects: await deliverObjects(this, createCollector(collector, { environment, configText }), {
        flags,
        environment,
        folder: 'collector',
        namespace: collector.namespace,
        source: 'metrics.collector',
        whole: 'the collector',
        next: (out) => `Next: kubectl apply --server-side -f ${out}`,
      }),
    }
  }
}

/** What a pod writes to its own disk nobody ever reads. */
function requireSharedTarget(to: string, path: string): void {
  const field = `${path}: metrics.collector.to`
  const { kind } = parseDestination(to, field, 'configInvalid')
  if (kind !== 'file') return
  throw new LlmscaleError(
    'configInvalid',
    'DESTINATION_INVALID',
    `${field}: ${JSON.stringify(to)} is a path in the job’s own pod; ` +
      'write s3://bucket/{day}.parquet or git+https://host/owner/repo.git#branch:{day}.csv',
  )
}
