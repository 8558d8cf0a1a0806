import { beforeAll, describe, expect, it } from 'vitest'
import { createManifests } from '../../../src/manifests/manifests.js'
import { priorityClassName } from '../../../src/manifests/priority-class.js'
import { chatTarget, servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import { refusal } from '../cluster-client.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { fakeNode } from '../fake-node.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'

const note = missingNote('core')
const namespace = 'serving'

/** PriorityClass and PodDisruptionBudget of a plan. */
function renderProtection() {
  const config = servingConfig(
    {},
    { priority: 1000, disruptionBudget: '20%', target: { ...chatTarget, selector: { app: 'chat-70b' } } },
  )
  const { decision } = capacityPlan({ workloads: [workloadDecision()] })
  return createManifests(decision, 'us-east-1', config).filter(({ kind }) =>
    ['PriorityClass', 'PodDisruptionBudget'].includes(kind),
  )
}

/** A node with room for one server; `isLost` as after a crash, when all its pods are to go. */
function gpuNode(name: string, isLost = false) {
  const taint = { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }
  return { ...fakeNode(name, { gpus: 8 }), spec: { taints: isLost ? [taint] : [] } }
}

describe.skipIf(note !== undefined)(`a lost node${note ?? ''}`, () => {
  const cluster = useCluster()
  const serving = {
    ...servingDeployment('chat-70b', { gpus: 8, priorityClassName: priorityClassName(1000, 'prod') }),
  }

  async function podsOf(app: string) {
    const { items } = await cluster.current.core.listNamespacedPod({ namespace, labelSelector: `app=${app}` })
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
  }
  const readyNodes = async (app: string) =>
    (await podsOf(app))
      .filter(({ status }) => status?.phase === 'Running')
      .map(({ spec }) => spec?.nodeName ?? '')
      .sort()
  const untilReady = (app: string, count: number) =>
    eventually(`${count} pods of ${app}`, async () => {
      const nodes = await readyNodes(app)
      return nodes.length === count ? nodes : undefined
    })
  const evict = async (app: string) => {
    const pod = (await podsOf(app)).find(({ status }) => status?.phase === 'Running')
    const name = pod!.metadata!.name!
    return cluster.current.core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name } } })
  }
  const allowedDisruptions = (count: number) =>
    eventually(`${count} disruptions allowed`, async () => {
      const budget = renderProtection().find(({ kind }) => kind === 'PodDisruptionBudget')
      const { status } = await cluster.current.read<BudgetStatus>(budget!)
      return status?.disruptionsAllowed === count || undefined
    })

  beforeAll(async () => {
    await cluster.current.applyAll([
      ...['gpu-1', 'gpu-2', 'gpu-3'].map((name) => gpuNode(name)),
      ...renderProtection(),
      { ...serving, spec: { ...serving.spec, replicas: 2 } } as typeof serving,
    ])
    await untilReady('chat-70b', 2)
    await cluster.current.apply(servingDeployment('batch', { gpus: 8 }))
    await untilReady('batch', 1)
  })

  it('is made up for at the cost of pods with a lower priority', async () => {
    const [lost] = await readyNodes('chat-70b')
    const [given] = await readyNodes('batch')
    await cluster.current.apply(gpuNode(lost!, true))
    await eventually('the batch makes room', async () => {
      const nodes = await readyNodes('chat-70b')
      return (nodes.length === 2 && nodes.includes(given!)) || undefined
    })
    expect(await readyNodes('chat-70b')).not.toContain(lost)
    expect(await untilReady('batch', 0)).toEqual([])
    const { items } = await cluster.current.core.listNamespacedEvent({ namespace })
    expect(items.filter(({ reason }) => reason === 'Preempted')).not.toEqual([])
  })

  it('leaves no eviction when a second one is lost: 429', async () => {
    const [second] = await readyNodes('chat-70b')
    await cluster.current.apply(gpuNode(second!, true))
    await untilReady('chat-70b', 1)
    await allowedDisruptions(0)
    const { code, message } = await refusal(evict('chat-70b'))
    expect(code).toBe(429)
    expect(message).toContain("would violate the pod's disruption budget")
  })

  it('allows an eviction again when the nodes are back', async () => {
    for (const name of ['gpu-1', 'gpu-2', 'gpu-3']) await cluster.current.apply(gpuNode(name))
    await untilReady('chat-70b', 2)
    await untilReady('batch', 1)
    await allowedDisruptions(1)
    await evict('chat-70b')
    await untilReady('chat-70b', 2)
  })
})

interface BudgetStatus {
  status?: { disruptionsAllowed: number }
}
