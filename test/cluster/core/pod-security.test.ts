import { describe, expect, it } from 'vitest'
import { type ObjectReference, refusal } from '../cluster-client.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { missingNote } from '../tiers.js'
import { goldenFolders, readObjects } from './rendered-objects.js'

const note = missingNote('core')
const namespace = 'restricted'

interface PodTemplate {
  metadata?: object
  spec: {
    securityContext: Record<string, unknown>
    volumes?: { hostPath?: object }[]
  }
}

/** Name → template of all pods that rendered objects make, wherever in them it lies. */
function findTemplates(objects: readonly ObjectReference[]): Map<string, PodTemplate> {
  const found = new Map<string, PodTemplate>()
  const visit = (value: unknown, name: string): void => {
    if (typeof value !== 'object' || value === null) return
    if (isTemplate(value)) found.set(name, value)
    else
      for (const [key, inner] of Object.entries(value))
        visit(inner, /template$/i.test(key) ? `${name}-${key}` : name)
  }
  for (const object of objects) visit(object, `${object.kind}-${object.metadata.name}`)
  return found
}

const isTemplate = (value: object): value is PodTemplate =>
  'spec' in value && typeof value.spec === 'object' && value.spec !== null && 'containers' in value.spec

// A node's own folder as model cache is a person's choice, and no such pod is restricted.
const templates = [...findTemplates(goldenFolders.flatMap(readObjects))].filter(
  ([, { spec }]) => !spec.volumes?.some(({ hostPath }) => hostPath !== undefined),
)

describe.skipIf(note !== undefined)(`pods under the restricted standard${note ?? ''}`, () => {
  const cluster = useCluster()

  /** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
  async function applyPod(name: string, { metadata, spec }: PodTemplate): Promise<void> {
    const { apply, core } = cluster.current
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
    await eventually('service account', () =>
      core.readNamespacedServiceAccount({ name: 'default', namespace }),
    )
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: name.toLowerCase(), namespace },
      spec: { ...spec, serviceAccountName: 'default', priorityClassName: undefined },
    })
  }

  it('has pods to judge', () => {
    expect(templates.map(([name]) => name)).toContain('CronJob-llmscale-collector-prod-jobTemplate-template')
  })

  it.each(templates)('admits %s', async (name, template) => {
    await applyPod(name, template)
  })

  it('refuses one that may be root', async () => {
    const template = structuredClone(templates[0]![1])
    delete template.spec.securityContext['runAsNonRoot']
    const { code, message } = await refusal(applyPod('root', template))
    expect(code).toBe(403)
    expect(message).toContain('runAsNonRoot')
  })
})
