import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { assertWritable } from '../cli/kill-switch.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { type ClusterConfig, defaultClusterConfig } from '../config/schema.js'
import { compareManifests, type ManifestDifference, writeManifests } from '../delivery/manifest-folder.js'
import { planFolder, readPlan } from '../delivery/plan-folder.js'
import { exitCodes } from '../kit/errors.js'
import type { ClusterObject } from '../manifests/cluster-object.js'
import { joinManifests, type ManifestFile, manifestName } from '../manifests/manifest-file.js'
import { createManifests, planRegions } from '../manifests/manifests.js'
import { formatObjects, gitopsFolder } from '../manifests/region-folder.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { findConstantFloors } from '../planning/constant-floor.js'

const formats = ['manifests', 'kustomize'] as const

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  format: z.enum(formats),
  objects: z.array(
    z.strictObject({
      region: z.string(),
      kind: z.string(),
      name: z.string(),
      namespace: z.string().nullable().describe('Null for objects of the whole cluster.'),
      file: z
        .string()
        .nullable()
        .describe('Null with --stdout, and for objects without bounds among Kustomize patches.'),
    }),
  ),
  differences: z
    .array(z.strictObject({ file: z.string(), state: z.enum(['missing', 'different', 'stale']) }))
    .nullable()
    .describe('Files that are not as the plan gives them; null without --check.'),
})

/** What one region gets. */
interface RenderedRegion {
  region: string
  folder: string
  objects: ClusterObject[]
  files: ManifestFile[]
}

export default class Render extends BaseCommand {
  static override description =
    'Write the plan as Kubernetes YAML, one file an object, or as Kustomize patches of its bounds.'
  static override examples = [
    '<%= config.bin %> render',
    '<%= config.bin %> render --check',
    '<%= config.bin %> render --region us-east-1 --stdout | kubectl diff -f -',
  ]
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    out: Flags.string({
      description:
        'Folder to write to, each region a folder in it; default gitops.path, manifests/<env>/<region>.',
      exclusive: ['stdout'],
    }),
    region: Flags.string({ description: 'Only this region.' }),
    format: Flags.option({
      options: formats,
      description: 'Whole objects, or Kustomize patches of the bounds; default gitops.format.',
    })(),
    stdout: Flags.boolean({ description: 'Print the objects instead of writing files.' }),
    prune: Flags.boolean({
      description: 'Remove files that an earlier run wrote and the plan no longer has.',
      exclusive: ['stdout', 'check'],
    }),
    check: Flags.boolean({
      description: `Write nothing; exit ${exitCodes.changesPresent} where the folder is not as the plan gives it.`,
      exclusive: ['stdout'],
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Render)
    const { plan, config } = await this.readInputs(flags)
    const { environment } = plan.decision
    const settings = config.environments[environment]!
    const format = flags.format ?? settings.gitops.format
    const planned = planRegions(plan.decision)
    // Of a region that the plan has left, files may be there that nobody else would miss.
    const regions =
      flags.region === undefined ? [...new Set([...planned, ...settings.regions])] : [flags.region]
    const rendered = regions.map((region): RenderedRegion => {
      const hasLeft = flags.region === undefined && !planned.includes(region)
      const objects = hasLeft ? [] : createManifests(plan.decision, region, config)
      const folder =
        flags.out === undefined
          ? relative('', besideConfig(flags.config, gitopsFolder(settings, environment, region)))
          : join(flags.out, region)
      return { region, folder, objects, files: formatObjects(objects, format) }
    })
    if (settings.autoscaler === 'hpa') for (const each of findConstantFloors(plan, regions)) this.note(each)

    if (!flags.check && !flags.stdout) assertWritable()
    const differences = flags.check ? await this.compare(rendered) : null
    if (flags.stdout) this.log(joinManifests(rendered.flatMap(({ files }) => files)))
    else if (!flags.check) await this.write(rendered, plan.planId, flags.prune)
    if (!flags.check && config.workloads.some(({ serve }) => serve !== undefined))
      this.hint(
        'Objects are as the plan gives them: a transform of your own Pulumi program is not applied here.',
      )
    return {
      planId: plan.planId,
      environment,
      format,
      objects: rendered.flatMap(({ region, folder, objects, files }) =>
        objects.map((object) => {
          const isFile = files.some(({ name }) => name === manifestName(object))
          return {
            region,
            kind: object.kind,
            name: object.metadata.name,
            namespace: object.metadata.namespace ?? null,
            file: flags.stdout || !isFile ? null : join(folder, manifestName(object)),
          }
        }),
      ),
      differences,
    }
  }

  /** A plan that is named needs no configuration beside it: without one the defaults hold. */
  private async readInputs(flags: {
    config: string
    env: string | undefined
    plan: string | undefined
  }): Promise<{ plan: CapacityPlan; config: ClusterConfig }> {
    if (flags.plan !== undefined && !existsSync(flags.config)) {
      const plan = await readPlan(flags.plan)
      const { environment } = plan.decision
      return { plan, config: defaultClusterConfig(environment, planRegions(plan.decision)) }
    }
    const config = await readConfig(flags.config)
    const folder =
      flags.plan ??
      relative('', besideConfig(flags.config, planFolder(environmentOf(config, flags.env).name)))
    const plan = await readPlan(folder)
    environmentOf(config, plan.decision.environment)
    return { plan, config }
  }

  private async write(rendered: readonly RenderedRegion[], planId: string, prunes: boolean): Promise<void> {
    for (const { folder, files } of rendered) {
      const stale = await writeManifests(folder, files)
      if (prunes) await this.prune(folder, stale)
      else this.reportStale(folder, stale)
      for (const { name } of files) this.log(join(folder, name))
    }
    const count = rendered.reduce((sum, { objects }) => sum + objects.length, 0)
    this.hint(`Rendered ${count} objects of plan ${planId.slice(0, 12)}.`)
  }

  /** Prints and returns what is not as the plan gives it. */
  private async compare(
    rendered: readonly RenderedRegion[],
  ): Promise<{ file: string; state: ManifestDifference['state'] }[]> {
    const differences: { file: string; state: ManifestDifference['state'] }[] = []
    for (const { folder, files } of rendered)
      for (const { name, state } of await compareManifests(folder, files))
        differences.push({ file: join(folder, name), state })
    for (const { file, state } of differences) this.log(`${state.padEnd(9)}  ${file}`)
    if (differences.length > 0) {
      process.exitCode = exitCodes.changesPresent
      this.hint('Run `llmscale render --prune`, and commit.')
    }
    return differences
  }

  private async prune(folder: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      await rm(join(folder, name))
      this.log(`removed ${join(folder, name)}`)
    }
  }

  /** Nothing disappears by accident: a file that the plan no longer has is named, not removed. */
  private reportStale(folder: string, names: readonly string[]): void {
    for (const name of names) {
      this.note({
        code: 'MANIFEST_STALE',
        message: `${join(folder, name)} is not in this plan; --prune, or delete the file, to remove its object`,
      })
    }
  }
}
