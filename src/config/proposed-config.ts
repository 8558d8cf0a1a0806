import { Document, type Node, type Scalar, type YAMLMap } from 'yaml'
import type { z } from 'zod'
import { findModel, modelNames } from '../catalog/models.js'
import { dnsName, nearestName } from '../kit/names.js'
import { formatDuration } from '../kit/time.js'
import { Prometheus } from './schema.js'

/** What a proposal is made from: names as the metrics have them. */
export interface ProposedModel {
  model: string
  /** Empty where nothing names them. */
  regions: readonly string[]
  /** Undefined where no pod names it. */
  target?: ProposedTarget | undefined
}

interface ProposedTarget {
  kind: string
  name: string
  namespace?: string
  /** The pod that it was guessed from. */
  pod: string
}

export interface ProposedSource {
  environment: string
  prometheus: z.infer<typeof Prometheus>
  /** Labels of it that nobody gave. */
  guessedLabels: readonly string[]
  models: readonly ProposedModel[]
  /** How many tenants the metrics tell apart. */
  tenants: number
}

/**
 * The `environments:`, `metrics:`, `models:` and `workloads:` of a configuration for what a Prometheus has, as YAML to
 * be looked at by a person: what was guessed says so, and a region that nothing names is left to be written.
 */
export function proposeConfig(source: ProposedSource): string {
  const { environment, models, tenants } = source
  const regions = labelRegions(models.flatMap((each) => each.regions))
  const renamed = [...regions].filter(([name, label]) => name !== label)
  const unknown = models.filter(({ model }) => findModel(model) === undefined)
  const { workloads, shared } = proposeWorkloads(models, regions)
  const document = new Document({
    environments: { [environment]: { regions: [...new Set(regions.values())] } },
    metrics: {
      sources: [{ prometheus: settingsOf(source.prometheus) }],
      ...(renamed.length > 0 && { renames: { region: new Map(renamed) } }),
    },
    ...(unknown.length > 0 && {
      models: new Map(unknown.map(({ model }) => [model, { architecture: architectureOf(model) }])),
    }),
    workloads: workloads.map(({ entry }) => entry),
  })
  const server = ['metrics', 'sources', 0, 'prometheus']
  const inFlow: unknown[][] = [
    ['environments', environment, 'regions'],
    [...server, 'presets'],
    ['metrics', 'renames'],
  ]
  const comments: [unknown[], string][] = source.guessedLabels.map((label) => [
    [...server, 'labels', label],
    'guessed',
  ])
  comments.push([['metrics', 'renames'], 'regions must be DNS labels'])
  if (models.some((each) => each.regions.length === 0))
    comments.push([['environments', environment, 'regions'], 'nothing names the region: write its name here'])
  for (const { model } of unknown) {
    inFlow.push(['models', model])
    comments.push([['models', model], 'not in the catalogue under this name: look at it'])
  }
  for (const [at, { comment }] of workloads.entries()) {
    inFlow.push(...['regions', 'target', 'slo'].map((key) => ['workloads', at, key]))
    comments.push([['workloads', at, 'target'], comment], [['workloads', at, 'slo'], 'yours to choose'])
  }
  const remarks = tenants === 0 ? shared : [describeTenants(tenants), ...shared]
  return `${formatDocument(document, inFlow, comments)}${remarks.map((text) => `# ${text}\n`).join('')}`
}

/** With an empty line before each part, some values on one line, and comments behind some; those that are there. */
function formatDocument(
  document: Document,
  inFlow: readonly unknown[][],
  comments: readonly [unknown[], string][],
): string {
  const nodeAt = (path: unknown[]) => document.getIn(path, true) as (Node & { flow?: boolean }) | undefined
  for (const node of inFlow.map(nodeAt)) if (node !== undefined) node.flow = true
  for (const [path, text] of comments) {
    const node = nodeAt(path)
    if (node !== undefined) node.comment = ` ${text}`
  }
  const [, ...later] = (document.contents as unknown as YAMLMap<Scalar>).items
  for (const { key } of later) key.spaceBefore = true
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** The settings that are not the defaults, as they are written. */
function settingsOf({ url, ...settings }: ProposedSource['prometheus']): Record<string, unknown> {
  const defaults: Record<string, unknown> = Prometheus.parse({ url })
  const told = Object.entries({
    ...settings,
    history: formatDuration(settings.history),
    timeout: formatDuration(settings.timeout),
  }).filter(
    ([key]) => JSON.stringify(settings[key as keyof typeof settings]) !== JSON.stringify(defaults[key]),
  )
  return { url, ...Object.fromEntries(told) }
}

/** Each region under a name that a configuration may have: its own where that is a DNS label. */
function labelRegions(names: readonly string[]): Map<string, string> {
  const isLabel = (name: string) => Prometheus.shape.region.safeParse(name).success
  const labels = new Map([...new Set(names)].filter(isLabel).map((name) => [name, name]))
  for (const name of new Set(names)) {
    if (labels.has(name)) continue
    const unique = dnsName(name)
    const readable = unique.slice(0, -7)
    const isTaken = [...labels.values()].includes(readable)
    labels.set(name, isTaken ? `${readable.slice(0, 43)}${unique.slice(-7)}` : readable)
  }
  return labels
}

/** A workload for each model, but for those that share a target: two autoscalers of one would fight each other. */
function proposeWorkloads(models: readonly ProposedModel[], labels: ReadonlyMap<string, string>) {
  const owners = new Map<string, string>()
  const workloads: { entry: object; comment: string }[] = []
  const shared: string[] = []
  for (const { model, regions, target } of models) {
    const placesOf = ({ kind, name, namespace }: Omit<ProposedTarget, 'pod'>) =>
      (regions.length === 0 ? [''] : regions).map((region) => JSON.stringify([kind, namespace, name, region]))
    const ownerOf = (each: Omit<ProposedTarget, 'pod'>) =>
      placesOf(each).flatMap((place) => owners.get(place) ?? [])[0]
    const owner = target && ownerOf(target)
    if (owner !== undefined) {
      shared.push(
        `${JSON.stringify(model)} runs on the same ${target!.kind} as ${JSON.stringify(owner)}: plan one of them, or count both as one by metrics.renames.`,
      )
      continue
    }
    const { chosen, comment } = target === undefined ? nameTarget(model, ownerOf) : describeTarget(target)
    for (const place of placesOf(chosen)) owners.set(place, model)
    const places = [...new Set(regions.map((region) => labels.get(region)!))]
    const slo = { ttftP95: '2s', itlP95: '50ms' }
    workloads.push({
      entry: { model, ...(places.length > 0 && { regions: places }), target: chosen, slo },
      comment,
    })
  }
  return { workloads, shared }
}

function nameTarget(model: string, ownerOf: (target: Omit<ProposedTarget, 'pod'>) => string | undefined) {
  const [kind, unique] = ['Deployment', dnsName(model)]
  const plain = { kind, name: unique.slice(0, -7) }
  const chosen = ownerOf(plain) === undefined ? plain : { kind, name: unique }
  return { chosen, comment: 'no pod names it: correct this' }
}

function describeTarget({ pod, ...chosen }: ProposedTarget) {
  const orGroup = chosen.kind === 'StatefulSet' ? '; a LeaderWorkerSet names its leaders the same way' : ''
  return { chosen, comment: `guessed from pod ${JSON.stringify(pod)}${orGroup}` }
}

function describeTenants(count: number): string {
  return `${count} tenants are in the metrics: a workload counts those of its model together. One with replicas of its own is an entry more, with tenant: its name.`
}

/** A catalogue entry of the same size that the name seems to mean, else a file to bring. */
function architectureOf(model: string): string {
  const plain = wordsOf(model).replace(/-(instruct|chat|it|hf|fp8|awq|gptq|int4|bf16)\b/g, '')
  const sameSize = modelNames.filter((name) => sizeOf(name) === sizeOf(plain))
  const near = sameSize.find((name) => wordsOf(name) === plain) ?? nearestName(plain, sameSize)
  return near ?? './config.json'
}

function wordsOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/[^a-z0-9.]+/g, '-')
}

/** `8b` or `8x7b` of a name. */
function sizeOf(words: string): string | undefined {
  return /\d+(x\d+)?b\b/.exec(words)?.[0]
}
