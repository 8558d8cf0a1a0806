import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planFolder, writePlan } from '../../../src/delivery/plan-folder.js'
import type { EpochSeconds } from '../../../src/kit/units.js'
import type { ScaledObject } from '../../../src/manifests/cluster-object.js'
import { createManifests } from '../../../src/manifests/manifests.js'
import type { CapacityPlan } from '../../../src/planning/capacity-plan.js'
import { sealPlan } from '../../../src/planning/plan-file.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { openMetricsOf } from '../../open-metrics.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  startPrometheus,
} from '../../prometheus-fixture.js'
import { emptyFolder } from '../../run-cli.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { freePorts } from '../free-ports.js'
import type { GuardedProcess } from '../guarded-process.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'
import { startKeda } from './keda.js'
import { type ReplicaRecord, recordReplicas } from './replica-record.js'
import { slowNode, startSlowNodes } from './slow-node.js'
import { readTraceLoad, type TraceLoad } from './trace-load.js'
import { type ReplicaPace, startVllm, type VllmStandIn } from './vllm-stand-in.js'

const root = resolve(import.meta.dirname, '../../..')
const data = process.env['LLMSCALE_TEST_DATA']
const clusterNote = missingNote('core', 'keda')
const note =
  clusterNote ??
  (prometheusFolder === undefined ? ' (not run: no Prometheus; node tools/prometheus.mjs)' : undefined) ??
  (data === undefined ? ' (not run: LLMSCALE_TEST_DATA names no folder)' : undefined)

const namespace = 'serving'
/** Two autoscalers of the same load: one follows the live floor, the other one has its reactive trigger alone. */
const following = 'chat'
const reactive = 'chat-reactive'
const template = 2
const hardMaximum = 12
const peak = 8
/** Ten minutes, as compressed as the trace is. */
const coldStartSeconds = 60
/** What the plan says it is: a step and a refresh, a minute each, cannot be compressed, and belong to it here. */
const plannedSeconds = coldStartSeconds + 120
/** A small model: before the ramp there must be requests enough in a minute to measure. */
const pace: ReplicaPace = { requestsPerSecond: 20, inputTokens: 600, outputTokens: 250, serviceSeconds: 10 }
const target = 0.9
/** Of the servers: four in a step. */
const scrapeSeconds = 15
/** Until the cluster stands and the exporter has read 14 days. */
const setupSeconds = 240
const day = 86_400

const now = () => Date.now() / 1000
const wait = (seconds: number) => setTimeout(seconds * 1000)

describe.skipIf(note !== undefined)(`KEDA, a real Prometheus and the exporter${note ?? ''}`, () => {
  const cluster = useCluster()
  const project = emptyFolder()
  const prometheusData = emptyFolder()
  let prometheus: PrometheusServer
  let vllm: VllmStandIn
  let exporter: GuardedProcess
  let exporterUrl: string
  let load: TraceLoad
  let rampStart: EpochSeconds
  let records: Record<string, ReplicaRecord>

  function makePlan(validSeconds: number): CapacityPlan {
    const iso = (time: EpochSeconds) => `${new Date(Math.floor(time) * 1000).toISOString().slice(0, 19)}Z`
    const trigger = {
      serverAddress: prometheus.url,
      query: `sum(vllm:num_requests_running{model_name="${following}"}) + sum(vllm:num_requests_waiting{model_name="${following}"})`,
      thresholdPerReplica: target * pace.requestsPerSecond * pace.serviceSeconds,
    }
    const decide = (model: string) =>
      workloadDecision({
        model,
        timeZone: 'UTC',
        hardMaximum,
        floors: { minReplicas: template, windows: [], exceptions: [] },
        trigger,
        coldStartSeconds: plannedSeconds,
      })
    const plan = capacityPlan(
      {
        workloads: [
          { ...decide(following), live: { quantile: 0.95, maximum: hardMaximum } },
          decide(reactive),
        ],
        pools: [],
      },
      { origin: iso(now() - day), dataThrough: iso(now() - day), validUntil: iso(now() + validSeconds) },
    )
    const { requestsPerSecond: requestsPerSecondPerReplica } = pace
    return sealPlan({
      ...plan,
      reports: plan.reports.map((each) => ({ ...each, requestsPerSecondPerReplica })),
    })
  }

  /** Nothing slows it on its way in: what holds replicas is a trigger, not the autoscaler's patience. */
  function render(plan: CapacityPlan): ScaledObject[] {
    const objects = createManifests(plan.decision, 'us-east-1', servingConfig())
    return objects.flatMap((object) => {
      if (object.kind !== 'ScaledObject') return []
      object.spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown = {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      }
      return [object]
    })
  }

  function startExporter(): void {
    const { port, hostname } = new URL(exporterUrl)
    const args = ['serve', '--plan', join(project, planFolder('prod')), '--host', hostname, '--port', port]
    exporter = cluster.current.plane.run('exporter', process.execPath, [
      ...['--import', import.meta.resolve('tsx'), join(root, 'bin/dev.js')],
      ...[...args, '--config', join(project, 'llmscale.yaml'), '--env', 'prod'],
    ])
  }

  /** The 14 days before, as a Prometheus scraped them. */
  async function backfillHistory(end: EpochSeconds): Promise<void> {
    const stepSeconds = scrapeSeconds
    const start = Math.floor(end / stepSeconds) * stepSeconds - 15 * day
    const requests = Float64Array.from(
      { length: (15 * day) / stepSeconds },
      (_, step) => load.at(start + (step + 0.5) * stepSeconds) * pace.requestsPerSecond * stepSeconds,
    )
    const { serviceSeconds, inputTokens, outputTokens } = pace
    const { text } = openMetricsOf(
      {
        start,
        stepSeconds,
        models: [
          {
            model: following,
            requests,
            inputTokens: requests.map((amount) => amount * inputTokens),
            outputTokens: requests.map((amount) => amount * outputTokens),
          },
        ],
      },
      { pods: 1, scrapeSeconds, serviceSeconds },
    )
    await backfill(prometheusData, text)
  }

  /** What Prometheus knows now; undefined where it knows nothing. */
  async function ask(query: string): Promise<number | undefined> {
    const response = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`)
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } }
    const value = data.result[0]?.value[1]
    return value === undefined ? undefined : Number(value)
  }
  const followedFloor = () => ask(`llmscale_live_floor_replicas{model="${following}"}`)
  const isFollowing = async () =>
    (await ask(`llmscale_live_state{model="${following}",state="following"}`)) === 1 || undefined

  /** Replicas asked for in a time that passes now. */
  async function replicasDuring(seconds: number): Promise<number[]> {
    const from = now()
    await wait(seconds)
    return records[following]!.samples.filter(({ at }) => at >= from).map(({ replicas }) => replicas)
  }

  /** Seconds of a time in which less was ready than the load needed. */
  function shortSeconds(name: string, from: EpochSeconds, until: EpochSeconds): number {
    const samples = records[name]!.samples.filter(({ at }) => at >= from && at < until)
    return samples.reduce((sum, { at, ready }, index) => {
      const next = samples[index + 1]?.at ?? at
      return ready < Math.ceil(load.at(at)) ? sum + next - at : sum
    }, 0)
  }

  /** Seconds from when a load needs so many replicas to when they were ready, negative where they were before. */
  function readyAfter(name: string, count: number, until: EpochSeconds): number {
    let needed = rampStart
    while (needed < until && Math.ceil(load.at(needed)) < count) needed++
    const ready = records[name]!.samples.find(({ at, ready }) => at > rampStart - 180 && ready >= count)
    return (ready?.at ?? until) - needed
  }

  beforeAll(async () => {
    const { plane, applyAll } = cluster.current
    rampStart = Math.ceil((now() + setupSeconds) / 60) * 60
    load = readTraceLoad(data!, rampStart, peak)
    const [vllmPort, exporterPort] = (await freePorts(2)) as [number, number]
    exporterUrl = `http://127.0.0.1:${exporterPort}`
    vllm = await startVllm(vllmPort, following, (time) => load.at(time), pace)
    await backfillHistory(now())
    prometheus = await startPrometheus({
      folder: prometheusData,
      scrape: [
        // As the history was: a step that Prometheus sees a part of is known by its fewer scrapes.
        { url: vllm.url, interval: `${scrapeSeconds}s` },
        { url: `${exporterUrl}/metrics`, interval: '5s' },
      ],
    })
    const plan = makePlan(day)
    writeFileSync(
      join(project, 'llmscale.yaml'),
      JSON.stringify({
        environments: { prod: { regions: ['us-east-1'], approval: 'none' } },
        metrics: { sources: [{ prometheus: { url: prometheus.url, presets: ['vllm'] } }] },
        live: { enabled: true, every: '1m' },
        forecast: { step: '1m' },
        planning: { burstFactor: 1 },
        models: Object.fromEntries(
          [following, reactive].map((model) => [model, { architecture: 'llama-3.1-70b' }]),
        ),
        shapes: [{ instanceType: 'p5.48xlarge', gpusPerReplica: 4, precision: 'fp8' }],
        workloads: [following, reactive].map((model) => ({
          model,
          target: { kind: 'Deployment', name: model, namespace },
          slo: { ttftP95: '2s' },
        })),
      }),
    )
    await writePlan(join(project, planFolder('prod')), plan)
    startExporter()
    startSlowNodes(plane, { coldStartSeconds })
    await applyAll([slowNode('slow-1', { gpus: 100 })])
    await startKeda(plane)
    await applyAll([
      ...[following, reactive].map((name) => servingDeployment(name, { gpus: 1, namespace })),
      ...render(plan),
    ])
    records = Object.fromEntries(
      [following, reactive].map((name) => [name, recordReplicas(cluster.current, { name, namespace })]),
    )
  }, 300_000)

  afterAll(async () => {
    for (const { stop } of Object.values(records ?? {})) await stop()
    await exporter?.stop()
    await prometheus?.stop()
    await vllm?.stop()
  })

  it('replicas are ready before a ramp of every day with the live floor, and late without', async () => {
    await eventually('the exporter follows the plan', isFollowing, 120).catch((error: Error) => {
      throw new Error(`${error.message}: ${exporter.log()}`)
    })
    expect(now(), 'setting up took longer than planned: nothing to see').toBeLessThan(rampStart - 70)
    const end = rampStart + 200
    await wait(end - now())
    const [withFloor, without] = [following, reactive].map((name) =>
      shortSeconds(name, rampStart - 30, end),
    ) as [number, number]
    const report = (name: string) =>
      Array.from({ length: peak - template }, (_, index) => {
        const count = template + 1 + index
        return `${count} ${readyAfter(name, count, end).toFixed(0)}`
      }).join(', ')
    console.log(
      `Cold start ${coldStartSeconds} s. Too few replicas for ${withFloor.toFixed(0)} s with the live floor, ` +
        `${without.toFixed(0)} s without. Replicas, and seconds from their being needed to their being ready: ` +
        `with it ${report(following)}; without ${report(reactive)}.`,
    )
    expect(readyAfter(following, peak, end)).toBeLessThan(0)
    expect(readyAfter(reactive, 6, end)).toBeGreaterThan(coldStartSeconds * 0.7)
    expect(withFloor).toBeLessThan(0.2 * without)
    expect(without).toBeGreaterThan(coldStartSeconds * 0.7)
  }, 600_000)

  it('the floor stands by itself, without a request in flight', async () => {
    vllm.hideRequestsInFlight()
    await eventually(
      'no load',
      async () => (await ask(makePlan(day).decision.workloads[0]!.trigger!.query)) === 0 || undefined,
    )
    await eventually(
      'the reactive one falls',
      async () => records[reactive]!.samples.at(-1)!.replicas === template || undefined,
    )
    const floor = (await followedFloor())!
    expect(floor).toBeGreaterThanOrEqual(6)
    expect(Math.min(...(await replicasDuring(20)))).toBeGreaterThanOrEqual(6)
  }, 180_000)

  it('the floor stands when Prometheus dies, and when it is back', async () => {
    const before = records[following]!.samples.at(-1)!.replicas
    expect(before).toBeGreaterThanOrEqual(6)
    await prometheus.stop()
    const during = await replicasDuring(45)
    expect(Math.min(...during)).toBeGreaterThanOrEqual(before)
    await prometheus.restart()
    expect(Math.min(...(await replicasDuring(20)))).toBeGreaterThanOrEqual(6)
  }, 180_000)

  it('the floor stands when the exporter is gone, and the next one publishes it again', async () => {
    const floor = (await followedFloor())!
    await exporter.stop()
    await eventually('its series end', async () => (await followedFloor()) === undefined || undefined)
    expect(Math.min(...(await replicasDuring(45)))).toBeGreaterThanOrEqual(floor)
    const from = now()
    startExporter()
    await eventually('the next exporter follows', isFollowing, 120)
    expect(Math.abs((await followedFloor())! - floor)).toBeLessThanOrEqual(2)
    await wait(10)
    const since = records[following]!.samples.filter(({ at }) => at >= from)
    expect(Math.min(...since.map(({ replicas }) => replicas))).toBeGreaterThanOrEqual(6)
  }, 240_000)

  it('the template stands when the plan expires, and nothing is below it', async () => {
    await writePlan(join(project, planFolder('prod')), makePlan(30))
    await eventually(
      'the exporter says so',
      () => ask(`llmscale_live_state{model="${following}",reason="plan-expired"}`),
      150,
    )
    expect(await followedFloor()).toBe(template)
    await eventually('its log', async () => exporter.log().includes('plan-expired') || undefined)
    await eventually(
      'the template',
      async () => records[following]!.samples.at(-1)!.replicas === template || undefined,
    )
    expect(new Set(await replicasDuring(15))).toEqual(new Set([template]))
    const all = records[following]!.samples.filter(({ at }) => at >= rampStart)
    expect(Math.min(...all.map(({ replicas }) => replicas))).toBe(template)
  }, 300_000)
})
