import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { createKustomizeComponent } from '../../src/manifests/kustomize.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { chatTarget, servingConfig } from './config-fixture.js'

const config = servingConfig(
  { clusters: { 'us-east-1': { version: '1.35' } } },
  { priority: 1000, disruptionBudget: '20%', target: { ...chatTarget, selector: { app: 'chat' } } },
)
const render = (decision = capacityPlan().decision) => createManifests(decision, 'us-east-1', config)
const component = Object.fromEntries(
  createKustomizeComponent(render()).map(({ name, text }) => [name, parse(text)]),
)

describe('a Kustomize component', () => {
  it('patches what has bounds, and names its patches', () => {
    const patches = [
      'scaledobject.serving.chat-70b-4216a7.yaml',
      'nodepool.prod-p5-48xlarge-on-demand-e88e2a.yaml',
    ]
    expect(Object.keys(component)).toEqual(['kustomization.yaml', ...patches])
    expect(component['kustomization.yaml']).toEqual({
      apiVersion: 'kustomize.config.k8s.io/v1alpha1',
      kind: 'Component',
      patches: patches.map((path) => ({ path })),
    })
  })

  it('holds the bounds and nothing else', () => {
    const [scaledObject, nodePool] = Object.values(component).slice(1)
    expect(Object.keys(scaledObject.spec)).toEqual([
      'minReplicaCount',
      'maxReplicaCount',
      'advanced',
      'triggers',
    ])
    expect(scaledObject.spec.advanced).toEqual({
      horizontalPodAutoscalerConfig: { behavior: { scaleUp: { tolerance: '0' } } },
    })
    expect(nodePool.spec).toEqual({ limits: { nodes: '20', 'nvidia.com/gpu': '160' } })
  })
})

const kubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0

describe.skipIf(!kubectl)(`Kustomize itself${kubectl ? '' : ' (no kubectl on PATH)'}`, () => {
  /** A base as a team has it, with the component over it. */
  function overlay(base: ReturnType<typeof render>): string {
    const folder = emptyFolder()
    for (const part of ['base', 'bounds']) mkdirSync(join(folder, part))
    const files = base.map((object) => formatManifest(object))
    for (const { name, text } of files) writeFileSync(join(folder, 'base', name), text)
    const resources = files.map(({ name }) => name)
    writeFileSync(join(folder, 'base/kustomization.yaml'), JSON.stringify({ resources }))
    for (const { name, text } of createKustomizeComponent(render()))
      writeFileSync(join(folder, 'bounds', name), text)
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({ resources: ['base'], components: ['bounds'] }),
    )
    return folder
  }

  it('gives the base the bounds of the plan', () => {
    const base = render(capacityPlan({ pools: [pool({ maximumNodes: 3 })] }).decision)
    const text = execFileSync('kubectl', ['kustomize', overlay(base)], { encoding: 'utf8' })
    const built = parseAllDocuments(text).map((document) => document.toJS())
    const key = ({ kind }: { kind: string }) => kind
    expect(built.map(key).sort()).toEqual(render().map(key).sort())
    for (const object of render())
      expect(built.find(({ kind }) => kind === object.kind)).toEqual(JSON.parse(JSON.stringify(object)))
  })

  it('refuses bounds of an object that the base lacks', () => {
    const base = render().filter(({ kind }) => kind !== 'NodePool')
    const { status, stderr } = spawnSync('kubectl', ['kustomize', overlay(base)], { encoding: 'utf8' })
    expect(status).not.toBe(0)
    expect(stderr).toContain('NodePool')
  })
})
