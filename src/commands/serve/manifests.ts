import { join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { completeConfigText } from '../../cli/config-text.js'
import { besideConfig, environmentOf, readConfig } from '../../cli/project.js'
import type { Config } from '../../config/schema.js'
import { writeManifests } from '../../delivery/manifest-folder.js'
import { LlmscaleError } from '../../kit/errors.js'
import { createExporter, type ExporterSettings, findMissingSecrets } from '../../manifests/exporter.js'
import { formatManifest, joinManifests } from '../../manifests/manifest-file.js'
import { listSources } from '../../metrics/open-sources.js'

export const Result = z.strictObject({
  environment: z.string(),
  objects: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      namespace: z.string(),
      file: z.string().nullable().describe('Null with --stdout.'),
    }),
  ),
})

export default class ServeManifests extends BaseCommand {
  static override description =
    'Write the exporter of live floors as Kubernetes YAML: what runs `llmscale serve` inside the cluster, who may reach it, and its alerts.'
  static override examples = [
    '<%= config.bin %> serve manifests',
    '<%= config.bin %> serve manifests --stdout | kubectl apply --server-side -f -',
  ]
  static override flags = {
    out: Flags.string({
      description: 'Folder to write to; default manifests/<env>/live.',
      exclusive: ['stdout'],
    }),
    stdout: Flags.boolean({ description: 'Print the objects instead of writing files.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(ServeManifests)
    const config = await readConfig(flags.config)
    const { name: environment, environment: state } = environmentOf(config, flags.env)
    const live = requireComplete(config, flags.config)
    const sources = listSources(config, environment)
    for (const warning of findMissingSecrets(live, sources)) this.note(warning)
    const configText = await completeConfigText(flags.config, config)
    const rendered = createExporter(live, { environment, configText, sources, state }).map((object) => ({
      object,
      ...formatManifest(object, 'live'),
    }))

    const out = flags.out ?? relative('', besideConfig(flags.config, join('manifests', environment, 'live')))
    if (flags.stdout) this.log(joinManifests(rendered))
    else {
      for (const name of await writeManifests(out, rendered))
        this.note({
          code: 'MANIFEST_STALE',
          message: `${join(out, name)} is no part of the exporter any more; delete the file to remove its object`,
        })
      for (const { name } of rendered) this.log(join(out, name))
      this.hint(`Next: kubectl apply --server-side -f ${out}`)
    }
    return {
      environment,
      objects: rendered.map(({ object: { kind, metadata }, name }) => ({
        kind,
        name: metadata.name,
        namespace: live.namespace,
        file: flags.stdout ? null : join(out, name),
      })),
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
