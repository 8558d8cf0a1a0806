import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { completeConfigText } from '../../cli/config-text.js'
import { environmentOf, readConfig } from '../../cli/project.js'
import { deliverObjects, objectFlags, WrittenObjects } from '../../cli/written-objects.js'
import type { Config } from '../../config/schema.js'
import { LlmscaleError } from '../../kit/errors.js'
import {
  createExporter,
  type ExporterSettings,
  findMissingFiles,
  findMissingSecrets,
} from '../../manifests/exporter.js'
import { listSources } from '../../metrics/open-sources.js'

export const Result = z.strictObject({
  environment: z.string(),
  objects: WrittenObjects,
})

export default class ServeManifests extends BaseCommand {
  static override description =
    'Write the exporter of live floors as Kubernetes YAML: what runs `llmscale serve` inside the cluster, who may reach it, and its alerts.'
  static override examples = [
    '<%= config.bin %> serve manifests',
    '<%= config.bin %> serve manifests --stdout | kubectl apply --server-side -f -',
  ]
  static override flags = objectFlags('live')

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(ServeManifests)
    const config = await readConfig(flags.config)
    const { name: environment, environment: state } = environmentOf(config, flags.env)
    const live = requireComplete(config, flags.config)
    const sources = listSources(config, environment)
    for (const warning of [...findMissingSecrets(live, sources), ...findMissingFiles(sources)])
      this.note(warning)
    const configText = await completeConfigText(flags.config, config)
    return {
      environment,
      objects: await deliverObjects(this, createExporter(live, { environment, configText, sources, state }), {
        flags,
        environment,
        folder: 'live',
        namespace: live.namespace,
        source: 'live',
        whole: 'the exporter',
        next: (out) => `Next: kubectl apply --server-side -f ${out}`,
      }),
    }
  }
}

const snippet = `live:
  enabled: true
  image: REGISTRY/llmscale:0.1.0
  from: git+https://github.com/OWNER/REPOSITORY.git#main
  secret: llmscale-live`

/** Throws `configInvalid` LIVE_INCOMPLETE. */
function requireComplete({ live }: Config, path: string): ExporterSettings {
  const { image, from } = live
  if (live.enabled && image !== undefined && from !== undefined) return { ...live, image, from }
  const missing = [
    ...(live.enabled ? [] : ['enabled: true']),
    ...(image === undefined ? ['image'] : []),
    ...(from === undefined ? ['from'] : []),
  ]
  throw new LlmscaleError(
    'configInvalid',
    'LIVE_INCOMPLETE',
    `${path}: live lacks ${missing.join(', ')}; an exporter needs an image that has llmscale, and where the merged plan is`,
    [`Add this to ${path}; docs/live.md explains it:\n${snippet}`],
  )
}
