// CPU, wall time and memory of `llmscale preview` for 50 models in 4 regions, both layers: a first preview and that of
// an update, with managed node groups and with Karpenter, on the real engine with the stand-in providers. Beside it the
// bare engine: the same resources, already rendered, declared by a program of the Automation API without components,
// guards, policies and change sets. CPU is user and system time of all processes together, memory the sum of the peaks
// of those that run at the same time; both are read from /proc, so that this runs on Linux alone.
// Usage, after a build: node --import tsx bench/preview-scale.ts [path of run.js]
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig } from '../src/config/parse-config.js'
import { readPlan } from '../src/delivery/plan-folder.js'
import { createCapacity } from '../src/manifests/capacity.js'
import { isReference, resourceKey } from '../src/manifests/capacity-resource.js'
import { createManifests } from '../src/manifests/manifests.js'
import { type CapacityPlan, type FloorWindow, weekdays } from '../src/planning/capacity-plan.js'
import { engineEnvironment } from '../test/engine.js'
import { capacityPlan, pool, workloadDecision } from '../test/plan-fixture.js'
import { writePlanFiles } from '../test/project-fixture.js'

const managers = ['managed-node-groups', 'karpenter'] as const
type NodeManager = (typeof managers)[number]

const timeZones = {
  'ap-south-1': 'Asia/Kolkata',
  'eu-west-1': 'Europe/Dublin',
  'us-east-1': 'America/New_York',
  'us-west-2': 'America/Los_Angeles',
}
const regions = Object.keys(timeZones) as (keyof typeof timeZones)[]
const models = Array.from({ length: 50 }, (_, index) => `model-${String(index).padStart(2, '0')}`)
const asOf = '2026-11-02T00:00:00Z'

const limits = { cpuSeconds: 60, megabytes: 1500 }

interface Measured {
  cpuSeconds: number
  seconds: number
  megabytes: number
}

/** llmscale.yaml; JSON is YAML. */
function configText(manager: NodeManager): string {
  const clusters = regions.map((region) => [
    region,
    {
      version: '1.35',
      name: `gpu-${region}`,
      nodeRole: 'arn:aws:iam::123456789012:role/gpu-node',
      subnets: ['a', 'b', 'c'].map((zone) => `subnet-${zone}`),
      zones: ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
      securityGroups: ['sg-nodes'],
    },
  ])
  return JSON.stringify({
    environments: {
      prod: {
        regions,
        nodes: { manager },
        tags: { team: 'serving' },
        clusters: Object.fromEntries(clusters),
      },
    },
    metrics: { files: ['demand.csv'] },
    models: Object.fromEntries(models.map((model) => [model, { architecture: 'llama-3.1-70b' }])),
    shapes: [
      { instanceType: 'p5.48xlarge', gpusPerReplica: 4 },
      { instanceType: 'g6e.12xlarge', gpusPerReplica: 2 },
    ],
    planning: { spotCap: '30%' },
    workloads: models.map((model) => ({
      model,
      target: { kind: 'Deployment', name: model, namespace: 'serving', selector: { app: model } },
      disruptionBudget: 0.2,
      slo: { ttftP95: '2s' },
    })),
  })
}

/** The fleet's plan; `factor` scales its floors, 1 at first and more in an update. */
function createFleetPlan(factor: number): CapacityPlan {
  const workloads = models.flatMap((model, index) =>
    regions.map((region) =>
      workloadDecision({
        model,
        region,
        timeZone: timeZones[region],
        shape:
          index % 2 === 0
            ? { gpu: 'H100', gpusPerReplica: 4, precision: 'fp8', instanceType: 'p5.48xlarge' }
            : { gpu: 'L40S', gpusPerReplica: 2, precision: 'fp8', instanceType: 'g6e.12xlarge' },
        floors: { minReplicas: 2, windows: createWindows(index, factor), exceptions: [] },
      }),
    ),
  )
  const pools = regions.flatMap((region) => [
    pool({ region, maximumNodes: 450 }),
    pool({ region, maximumNodes: 90, capacityType: 'spot', weight: 40 }),
    pool({ region, instanceType: 'g6e.12xlarge', gpu: 'L40S', gpusPerNode: 4, maximumNodes: 540 }),
  ])
  return capacityPlan({ workloads: workloads.sort((a, b) => (key(a) < key(b) ? -1 : 1)), pools })
}

const key = ({ model, region }: { model: string; region: string }) => `${model}/${region}`

/** A wave over working days and a lower one over week ends: 12 to 24 windows, on the quarters of an hour less a lead. */
function createWindows(index: number, factor: number): FloorWindow[] {
  const count = 12 + ((index * 7) % 13)
  const onWeekends = Math.floor(count / 3)
  const wave = (days: readonly (typeof weekdays)[number][], steps: number, height: number): FloorWindow[] =>
    Array.from({ length: steps }, (_, step) => {
      const [from, to] = [step, step + 1].map((each) => 360 + Math.round((each * 1020) / steps / 15) * 15)
      const share = Math.sin((Math.PI * (step + 0.7)) / (steps + 0.4))
      return {
        days: [...days],
        from: formatMinute(from! - (share < 0.9 ? 9 : 0) + (index % 3) * 15),
        to: formatMinute(to! + (index % 3) * 15),
        replicas: Math.round((3 + height * share) * factor),
      }
    })
  return [
    ...wave(weekdays.slice(0, 5), count - onWeekends, 14 + (index % 10)),
    ...wave(weekdays.slice(5), onWeekends, 7),
  ]
}

const formatMinute = (minute: number) =>
  `${String(Math.floor(minute / 60) % 24).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

/** Neither a cluster nor a cloud is asked: what they would say costs nobody's CPU. */
const environmentIn = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  ...engineEnvironment,
  HOME: folder,
  KUBECONFIG: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
})

/** Runs a program in a session of its own, to know its processes by. */
async function measure(args: string[], cwd: string): Promise<Measured> {
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    cwd,
    env: environmentIn(cwd),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  let code: number | null | undefined
  const ended = new Promise<void>((done) => child.on('close', () => done()))
  child.on('exit', (status) => (code = status))
  const seen = new Map<number, { cpuSeconds: number; megabytes: number }>()
  let megabytes = 0
  while (code === undefined) {
    let now = 0
    for (const { pid, ...used } of readSession(child.pid!)) {
      const peak = Math.max(used.megabytes, seen.get(pid)?.megabytes ?? 0)
      seen.set(pid, { cpuSeconds: used.cpuSeconds, megabytes: peak })
      now += peak
    }
    megabytes = Math.max(megabytes, now)
    await sleep(25)
  }
  await ended
  if (code !== 0) throw new Error(`${args.join(' ')} exits ${code}\n${output.slice(-4000)}`)
  const cpuSeconds = [...seen.values()].reduce((sum, each) => sum + each.cpuSeconds, 0)
  return { cpuSeconds, seconds: (performance.now() - started) / 1000, megabytes }
}

const ticksPerSecond = 100
const bytesPerPage = 4096

/** What the processes of a session have used: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function readSession(session: number): { pid: number; cpuSeconds: number; megabytes: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      let stat: string
      try {
        stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      } catch {
        return []
      }
      // The name of the program may hold spaces; the third field follows it.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number)
      const field = (number: number) => fields[number - 3]!
      if (field(6) !== session) return []
      const cpuSeconds = (field(14) + field(15)) / ticksPerSecond
      return { pid: Number(pid), cpuSeconds, megabytes: (field(24) * bytesPerPage) / 1e6 }
    })
}

/** The bare engine: previews or deploys every stack, one after the other, and keeps nothing of what it says. */
async function runBare(folder: string, step: 'preview' | 'up'): Promise<void> {
  const { LocalWorkspace } = await import('@pulumi/pulumi/automation/index.js')
  const { CustomResource, ProviderResource } = await import('@pulumi/pulumi')
  const config = parseConfig(readFileSync(join(folder, 'llmscale.yaml'), 'utf8'), 'llmscale.yaml')
  const { decision } = await readPlan(join(folder, 'forecasts/prod'))
  class Plain extends CustomResource {}
  class Provider extends ProviderResource {}
  const declareServing = (region: string) => {
    for (const object of createManifests(decision, region, config)) {
      const { apiVersion, kind, metadata } = object
      new Plain(`kubernetes:${apiVersion}:${kind}`, metadata.name, { ...object }, { version: '4.34.2' })
    }
  }
  const declareCapacity = (region: string) => {
    const provider = new Provider('aws', region, { region }, { version: '7.48.0' })
    const declared = new Map<string, InstanceType<typeof Plain>>()
    const resolveAll = (value: unknown): unknown => {
      if (isReference(value)) return declared.get(value.outputOf)!.id
      if (Array.isArray(value)) return value.map(resolveAll)
      if (typeof value !== 'object' || value === null) return value
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolveAll(each)]))
    }
    for (const resource of createCapacity(decision, region, config)) {
      const inputs = resolveAll(resource.inputs) as object
      declared.set(resourceKey(resource), new Plain(resource.type, resource.name, inputs, { provider }))
    }
  }
  const home = join(folder, 'bare')
  mkdirSync(home, { recursive: true })
  const plugins = process.env['LLMSCALE_PROVIDER_PLUGINS']
  const providers = ['aws', 'kubernetes'].map((name) => ({ name, path: plugins }))
  for (const region of regions)
    for (const [layer, declare] of [
      ['capacity', declareCapacity],
      ['serving', declareServing],
    ] as const) {
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: `prod.${region}.${layer}`, projectName: 'bare', program: async () => declare(region) },
        {
          pulumiHome: home,
          projectSettings: {
            name: 'bare',
            runtime: 'nodejs',
            backend: { url: `file://${home}` },
            plugins: { providers },
          } as never,
          envVars: {
            PULUMI_SKIP_UPDATE_CHECK: 'true',
            PULUMI_CONFIG_PASSPHRASE: 'bench',
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
          },
        },
      )
      await stack[step]({ color: 'never' })
    }
}

async function compare(program: string): Promise<void> {
  const bare = (folder: string, step: string) => [
    '--import',
    // It runs in another folder than this.
    import.meta.resolve('tsx'),
    resolve(process.argv[1]!),
    'bare',
    folder,
    step,
  ]
  const llmscale = (...args: string[]) => [program, ...args, '--as-of', asOf]
  console.log(`${models.length} models × ${regions.length} regions, node ${process.version}`)
  for (const manager of managers) {
    const folder = mkdtempSync(join(tmpdir(), 'llmscale-bench-'))
    try {
      writeFileSync(join(folder, 'llmscale.yaml'), configText(manager))
      for (const [name, factor] of [
        ['first', 1],
        ['update', 1.1],
      ] as const) {
        writePlanFiles(join(folder, 'forecasts/prod'), createFleetPlan(factor))
        const ours = await measure(llmscale('preview', '--quiet'), folder)
        const theirs = await measure(bare(folder, 'preview'), folder)
        print(`${manager} ${name}`, ours, theirs)
        if (name === 'update') break
        await measure(llmscale('apply', '--yes', '--quiet'), folder)
        await measure(bare(folder, 'up'), folder)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function print(name: string, ours: Measured, bare: Measured): void {
  const row = (label: string, { cpuSeconds, seconds, megabytes }: Measured, ratio = '') =>
    console.log(
      `${label.padEnd(36)} ${cpuSeconds.toFixed(1).padStart(6)} CPU s ${seconds.toFixed(1).padStart(6)} s ${megabytes.toFixed(0).padStart(6)} MB${ratio}`,
    )
  const within = ours.cpuSeconds <= limits.cpuSeconds && ours.megabytes <= limits.megabytes
  row(
    `${name}, llmscale`,
    ours,
    `  ${(ours.cpuSeconds / bare.cpuSeconds).toFixed(2)} × CPU, ${(ours.megabytes / bare.megabytes).toFixed(2)} × memory, ${within ? 'within' : 'ABOVE'} ${limits.cpuSeconds} CPU s and ${limits.megabytes} MB`,
  )
  row(`${name}, bare engine`, bare)
}

const [first, folder, step] = process.argv.slice(2)
if (first === 'bare') await runBare(folder!, step as 'preview' | 'up')
else await compare(resolve(first ?? 'bin/run.js'))
