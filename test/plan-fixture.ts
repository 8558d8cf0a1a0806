import type { CapacityPlan, Pool, WorkloadDecision, WorkloadReport } from '../src/planning/capacity-plan.js'
import { sealPlan } from '../src/planning/plan-file.js'

/** Hand-made parts of a plan; every field may be given. */
export function workloadDecision(fields: Partial<WorkloadDecision> = {}): WorkloadDecision {
  const model = fields.model ?? 'chat-70b'
  return {
    model,
    region: 'us-east-1',
    target: { kind: 'Deployment', name: model, namespace: 'serving' },
    shape: { gpu: 'H100', gpusPerReplica: 4, precision: 'fp8', instanceType: 'p5.48xlarge' },
    timeZone: 'America/New_York',
    floors: {
      minReplicas: 2,
      windows: [
        { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:45', to: '20:00', replicas: 21 },
        { days: ['sat', 'sun'], from: '20:00', to: '02:30', replicas: 6 },
      ],
      exceptions: [],
    },
    hardMaximum: 40,
    trigger: {
      serverAddress: 'http://prometheus.monitoring:9090',
      query: `sum(vllm:num_requests_running{model_name="${model}"})`,
      thresholdPerReplica: 48,
    },
    coldStartSeconds: 540,
    ...fields,
  }
}

export function pool(fields: Partial<Pool> = {}): Pool {
  return {
    region: 'us-east-1',
    instanceType: 'p5.48xlarge',
    capacityType: 'on-demand',
    gpu: 'H100',
    gpusPerNode: 8,
    maximumNodes: 20,
    weight: 50,
    ...fields,
  }
}

const interval = { p10: 900, p50: 1000, p90: 1200 }
const noChange = { p10: 0, p50: 0, p90: 0 }
const breachRisk = { plan: 0.001, doNothing: 0.02 }

function workloadReport({ model, region, tenant }: WorkloadDecision): WorkloadReport {
  return {
    model,
    region,
    ...(tenant === undefined ? {} : { tenant }),
    meanLengths: { inputTokens: 600, outputTokens: 250 },
    requestsPerSecondPerReplica: 2,
    capacityProvenance: 'estimated',
    usdPerReplicaHour: 40,
    reactiveTarget: 0.9,
    dailyPeakReplicas: [],
    breachRisk,
    shortfallUsdPerDay: { plan: 5, doNothing: 100 },
    usdPerDay: { plan: interval, doNothing: interval, change: noChange },
    forecast: {
      model: 'ridge',
      forecastSkill: 0.2,
      baseline: 'seasonal-naive',
      wape: 0.1,
      coverage90: 0.9,
      origins: 7,
    },
    gate: { open: true, floorSkill: 0.2, low: 0.1, high: 0.3, origins: 7, message: 'floors save' },
    reasons: [],
  }
}

/** A sealed plan of `prod`, made on 2026-11-01 and valid until 2026-11-08. */
export function capacityPlan(
  decision: Partial<CapacityPlan['decision']> = {},
  header: Partial<CapacityPlan['header']> = {},
): CapacityPlan {
  const workloads = decision.workloads ?? [workloadDecision()]
  return sealPlan({
    header: {
      origin: '2026-11-01T00:00:00Z',
      dataThrough: '2026-11-01T00:00:00Z',
      validUntil: '2026-11-08T00:00:00Z',
      baseline: null,
      toolVersion: '0.1.0',
      fileDigest: '',
      policy: 'balanced',
      cost: {
        provenance: 'estimated',
        usdPerDay: interval,
        doNothingUsdPerDay: interval,
        changeUsdPerDay: noChange,
        staticPeakUsdPerDay: 2000,
        prices: [],
      },
      breachRisk,
      findings: [],
      ...header,
    },
    decision: {
      environment: 'prod',
      workloads,
      pools: [pool()],
      commitments: [],
      routing: [],
      overrides: [],
      ...decision,
    },
    reports: workloads.map(workloadReport),
  })
}
