import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { completeConfigText } from '../../cli/config-text.js'
import { instant } from '../../cli/flags.js'
import { environmentOf, readConfig } from '../../cli/project.js'
import { deliverObjects, objectFlags, WrittenObjects } from '../../cli/written-objects.js'
import { formatInstant } from '../../kit/time.js'
import { secondsPerHour } from '../../kit/units.js'
import { createForecastJob, forecastFolder } from '../../manifests/forecast-job.js'

export const Result = z.strictObject({
  environment: z.string(),
  asOf: z.string().describe('All shards read demand up to here.'),
  shards: z.int(),
  objects: WrittenObjects,
})

export default class ForecastJob extends BaseCommand {
  static override description =
    'Write the Indexed Job that forecasts a large fleet in shards, as Kubernetes YAML.'
  static override examples = [
    '<%= config.bin %> forecast job --shards 8 --image registry.example/llmscale:1 --volume-claim forecasts',
    '<%= config.bin %> forecast job --shards 8 --image registry.example/llmscale:1 --volume-claim forecasts --stdout | kubectl apply -f -',
  ]
  static override flags = {
    shards: Flags.integer({ description: 'How many parts.', required: true, min: 1, max: 10_000 }),
    parallelism: Flags.integer({ description: 'Pods at a time; default all.', min: 1 }),
    image: Flags.string({ description: 'Image of the pods.', required: true }),
    namespace: Flags.string({ description: 'Namespace of the job.', default: 'llmscale' }),
    'service-account': Flags.string({ description: 'Service account of the pods.', default: 'default' }),
    secret: Flags.string({ description: 'Secret whose keys the pods have as environment variables.' }),
    'volume-claim': Flags.string({
      description: `PersistentVolumeClaim that all pods may write to; they find it as ${forecastFolder}.`,
      required: true,
    }),
    'as-of': instant({ description: 'Read only demand up to this time; default the last full hour.' }),
    ...objectFlags('forecast'),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(ForecastJob)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const asOf = flags['as-of'] ?? Math.floor(Date.now() / 1000 / secondsPerHour) * secondsPerHour
    const objects = createForecastJob({
      environment,
      configText: await completeConfigText(flags.config, config),
      namespace: flags.namespace,
      image: flags.image,
      serviceAccount: flags['service-account'],
      secret: flags.secret,
      shards: flags.shards,
      parallelism: Math.min(flags.parallelism ?? flags.shards, flags.shards),
      volumeClaim: flags['volume-claim'],
      asOf,
    })
    return {
      environment,
      asOf: formatInstant(asOf),
      shards: flags.shards,
      objects: await deliverObjects(this, objects, {
        flags,
        environment,
        folder: 'forecast',
        namespace: flags.namespace,
        source: 'llmscale forecast job',
        whole: 'the job',
        next: (out) =>
          `Next: kubectl apply -f ${out}; when it is done, llmscale forecast merge ${forecastFolder}/shard-*.parquet --out forecast.parquet`,
      }),
    }
  }
}
