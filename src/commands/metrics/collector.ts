import { join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { completeConfigText } from '../../cli/config-text.js'
import { besideConfig, collectorOf, environmentOf, readConfig } from '../../cli/project.js'
import { writeManifests } from '../../delivery/manifest-folder.js'
import { parseDestination } from '../../delivery/publish.js'
import { LlmscaleError } from '../../kit/errors.js'
import { createCollector, findMissingSecrets } from '../../manifests/collector.js'
import { formatManifest, joinManifests } from '../../manifests/manifest-file.js'

export const Result = z.strictObject({
  environment: z.string(),
  to: z.string().describe('Where the job writes; {day} stands for the day.'),
  objects: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      namespace: z.string(),
      file: z.string().nullable().describe('Null with --stdout.'),
    }),
  ),
})

export default class MetricsCollector extends BaseCommand {
  static override description =
    'Write the job that collects demand inside the cluster, as Kubernetes YAML: for a Prometheus that the planning job cannot reach.'
  static override examples = [
    '<%= config.bin %> metrics collector',
    '<%= config.bin %> metrics collector --stdout | kubectl apply --server-side -f -',
  ]
  static override flags = {
    out: Flags.string({
      description: 'Folder to write to; default manifests/<env>/collector.',
      exclusive: ['stdout'],
    }),
    stdout: Flags.boolean({ description: 'Print the objects instead of writing files.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(MetricsCollector)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const collector = collectorOf(config, flags.config)
    requireSharedTarget(collector.to, flags.config)
    for (const warning of findMissingSecrets(collector)) this.note(warning)
    const configText = await completeConfigText(flags.config, config)
    const rendered = createCollector(collector, { environment, configText }).map((object) => ({
      object,
      ...formatManifest(object, 'metrics.collector'),
    }))

    const out =
      flags.out ?? relative('', besideConfig(flags.config, join('manifests', environment, 'collector')))
    if (flags.stdout) this.log(joinManifests(rendered))
    else {
      this.reportStale(out, await writeManifests(out, rendered))
      for (const { name } of rendered) this.log(join(out, name))
      this.hint(`Next: kubectl apply --server-side -f ${out}`)
    }
    return {
      environment,
      to: collector.to,
      objects: rendered.map(({ object: { kind, metadata }, name }) => ({
        kind,
        name: metadata.name,
        namespace: collector.namespace,
        file: flags.stdout ? null : join(out, name),
      })),
    }
  }

  /** As with a plan's objects, a file that is no longer made is named, not removed. */
  private reportStale(folder: string, names: readonly string[]): void {
    for (const name of names) {
      this.note({
        code: 'MANIFEST_STALE',
        message: `${join(folder, name)} is no part of the collector any more; delete the file to remove its object`,
      })
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
