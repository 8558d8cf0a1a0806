import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { servingConfig } from './config-fixture.js'

const examples = ['argo-cd', 'flux'].flatMap((folder) =>
  readdirSync(join('examples', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join('examples', folder, name)),
)
const folder = servingConfig()
  .environments['prod']!.gitops.path.replace('{environment}', 'production')
  .replace('{region}', 'us-east-1')

describe('the examples of Argo CD and Flux', () => {
  it('read the folder that render writes by default', () => {
    const readers = examples
      .map((path) => parse(readFileSync(path, 'utf8')))
      .filter(({ metadata }) => metadata?.name.startsWith('llmscale'))
    expect(readers).toHaveLength(2)
    for (const { spec } of readers) expect(join(spec.path ?? spec.source.path)).toBe(folder)
    const overlay = parse(readFileSync('examples/flux/bounds-only/kustomization.yaml', 'utf8'))
    expect(overlay.components).toEqual([`../../${folder}`])
  })
})

describe('a folder that is not its own', () => {
  const gitops = (path: string) => ({ delivery: 'gitops', gitops: { path } })

  it('is refused for several regions or environments', () => {
    expect(() => servingConfig(gitops('manifests'))).toThrow(
      /environments\.prod\.gitops\.path: manifests is one folder for 2 regions; add \{region\}/,
    )
    const other = { regions: ['us-east-1'], ...gitops('llm/{region}') }
    const environments = { prod: { regions: ['us-east-1'], ...gitops('llm/{region}') }, staging: other }
    expect(() => servingConfig({}, {}, { environments })).toThrow(
      /environments\.staging\.gitops\.path: llm\/\{region\} is the folder of environment prod too; add \{environment\}/,
    )
  })
})

describe('the name of a target', () => {
  const named = (target: object) => () =>
    servingConfig({}, { target: { kind: 'Deployment', name: 'chat', ...target } })

  it('is one that Kubernetes takes', () => {
    expect(named({ name: 'x'.repeat(63), namespace: 'serving' })).not.toThrow()
    expect(named({ name: 'x'.repeat(64) })).toThrow(
      /workloads\[0\]\.target\.name: "x+" is not a name in Kubernetes; use at most 63/,
    )
    expect(named({ namespace: 'Serving' })).toThrow(
      /target\.namespace: "Serving" is not a name in Kubernetes/,
    )
  })
})
