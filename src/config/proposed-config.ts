import { stringify } from 'yaml'
import { findModel, modelNames } from '../catalog/models.js'
import { dnsName, nearestName } from '../kit/names.js'

/** What a proposal is made from: names as the metrics have them. */
export interface ProposedModel {
  model: string
  regions: readonly string[]
  /** Undefined where no pod names it. */
  target?: { kind: string; name: string; namespace?: string; pod: string } | undefined
}

export interface ProposedSource {
  url: string
  presets: readonly string[]
  labels: Readonly<Record<string, string>>
  matchers?: string | undefined
}

/**
 * The `environments:`, `metrics:`, `models:` and `workloads:` of a configuration for what a Prometheus has, as YAML to be looked at by a
 * person: what was guessed says so.
 */
export function proposeConfig(source: ProposedSource, found: readonly ProposedModel[]): string {
  const { labels, ...server } = source
  const metrics = stringify({ metrics: { sources: [{ prometheus: { ...server, labels } }] } })
  const unknown = found.filter(({ model }) => findModel(model) === undefined)
  const models =
    unknown.length === 0
      ? ''
      : `\nmodels: # not in the catalogue under these names: look at each\n${unknown.map(({ model }) => `  ${yamlText(model)}: { architecture: ${architectureOf(model)} }\n`).join('')}`
  const workloads = found.map(({ model, regions, target }) => {
    const guessed =
      target === undefined
        ? `{ kind: Deployment, name: ${dnsName(model).slice(0, -7)} } # no pod names it: correct this`
        : `{ kind: ${target.kind}, name: ${yamlText(target.name)}${target.namespace === undefined ? '' : `, namespace: ${yamlText(target.namespace)}`} } # guessed from pod ${yamlText(target.pod)}`
    return `  - model: ${yamlText(model)}\n    regions: [${regions.map(yamlText).join(', ')}]\n    target: ${guessed}\n    slo: { ttftP95: 2s, itlP95: 50ms } # yours to choose\n`
  })
  const regions = [...new Set(found.flatMap((each) => each.regions))].map(yamlText).join(', ')
  const environments = `environments:\n  production:\n    regions: [${regions}]\n\n`
  return `${environments}${metrics}${models}\nworkloads:\n${workloads.join('')}`
}

/** A catalogue entry that the name seems to mean, else a file to bring. */
function architectureOf(model: string): string {
  const words = (name: string) =>
    name
      .toLowerCase()
      .replace(/^.*\//, '')
      .replace(/[^a-z0-9.]+/g, '-')
  const plain = words(model).replace(/-(instruct|chat|it|hf|fp8|awq|gptq|int4|bf16)\b/g, '')
  const near = modelNames.find((name) => words(name) === plain) ?? nearestName(plain, modelNames)
  return near ?? './config.json'
}

/** A name as YAML reads it back, whatever stands in it: plain where that is safe, else as JSON, which YAML includes. */
function yamlText(text: string): string {
  const isPlain = /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}
