import { join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { writeManifests } from '../delivery/manifest-folder.js'
import { planFolder, readPlan } from '../delivery/plan-folder.js'
import { formatManifest, joinManifests } from '../manifests/manifest-file.js'
import { createManifests, planRegions } from '../manifests/manifests.js'

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  objects: z.array(
    z.strictObject({
      region: z.string(),
      kind: z.string(),
      name: z.string(),
      namespace: z.string().nullable().describe('Null for objects of the whole cluster.'),
      file: z.string().nullable().describe('Null with --stdout.'),
    }),
  ),
})

export default class Render extends BaseCommand {
  static override description = 'Write the plan as Kubernetes YAML, one file an object.'
  static override examples = [
    '<%= config.bin %> render',
    '<%= config.bin %> render --region us-east-1 --stdout | kubectl diff -f -',
  ]
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    out: Flags.string({
      description: 'Folder to write to; default manifests/<env>. Each region has a folder in it.',
      exclusive: ['stdout'],
    }),
    region: Flags.string({ description: 'Only this region.' }),
    stdout: Flags.boolean({ description: 'Print the objects instead of writing files.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Render)
    const config = await readConfig(flags.config)
    const { name } = environmentOf(config, flags.env)
    const plan = await readPlan(flags.plan ?? relative('', besideConfig(flags.config, planFolder(name))))
    const { environment } = plan.decision
    const out = flags.out ?? relative('', besideConfig(flags.config, join('manifests', environment)))
    const regions = flags.region === undefined ? planRegions(plan.decision) : [flags.region]
    const rendered = regions.flatMap((region) =>
      createManifests(plan.decision, region, config).map((object) => ({
        region,
        object,
        ...formatManifest(object),
      })),
    )

    if (flags.stdout) this.log(joinManifests(rendered))
    else {
      for (const region of regions) {
        const folder = join(out, region)
        const files = rendered.filter((each) => each.region === region)
        this.reportStale(folder, await writeManifests(folder, files))
        for (const { name } of files) this.log(join(folder, name))
      }
      this.hint(`Rendered ${rendered.length} objects of plan ${plan.planId.slice(0, 12)}.`)
    }
    return {
      planId: plan.planId,
      environment,
      objects: rendered.map(({ region, object, name }) => ({
        region,
        kind: object.kind,
        name: object.metadata.name,
        namespace: object.metadata.namespace ?? null,
        file: flags.stdout ? null : join(out, region, name),
      })),
    }
  }

  /** Nothing disappears by accident: a file that the plan no longer has is named, not removed. */
  private reportStale(folder: string, names: readonly string[]): void {
    for (const name of names) {
      this.note({
        code: 'MANIFEST_STALE',
        message: `${join(folder, name)} is not in this plan; delete the file to remove its object`,
      })
    }
  }
}
