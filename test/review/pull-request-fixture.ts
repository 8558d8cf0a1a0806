import type {
  CapacityPlan,
  Pool,
  WorkloadDecision,
  WorkloadReport,
} from '../../src/planning/capacity-plan.js'
import type { ResourceChange } from '../../src/planning/change-set.js'
import { diffPlans } from '../../src/planning/diff-plans.js'
import type { GuardVerdict } from '../../src/planning/guards.js'
import { sealPlan } from '../../src/planning/plan-file.js'
import type { ReviewedChanges } from '../../src/planning/reviewed-changes.js'
import type { PlanScore } from '../../src/planning/score-plan.js'
import type { PullRequestInputs } from '../../src/review/pull-request.js'
import { commitment } from '../capacity-fixture.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

// What seven pull requests are written from.

export const baseCommit = '7d3f0a1c9b8e4f2a6c5d1e0f9a8b7c6d5e4f3a2b'
const folderUrl = 'https://github.example/acme/serving/blob/llmscale/prod/forecasts/prod'

const prices = [
  ['on-demand', 55.04, 'measured', '2026-10-20'],
  ['spot', 26.42, 'estimated', '2025-06-28'],
] as const

/** A plan whose reports are changed by workload, with the money and risk of its header. */
function planOf(
  decision: Partial<CapacityPlan['decision']>,
  header: Partial<CapacityPlan['header']>,
  reports: Record<string, Partial<WorkloadReport>>,
): CapacityPlan {
  const plan = capacityPlan(decision, header)
  return sealPlan({
    ...plan,
    reports: plan.reports.map((report) => ({
      ...report,
      dailyPeakReplicas: peaks(18),
      reasons: [
        {
          field: 'hardMaximum',
          value: '40',
          because: '0.99 quantile of the peak: 32 replicas, and 8 for the surge of a rollout',
        },
      ],
      ...reports[report.model],
    })),
  })
}

/** Peaks of a week from Monday, lower at its end. */
function peaks(most: number): WorkloadReport['dailyPeakReplicas'] {
  return [0.9, 0.95, 1, 0.97, 0.88, 0.4, 0.35].map((share, day) => ({
    date: `2026-11-0${2 + day}`,
    p10: Math.round(most * share * 0.85),
    p50: Math.round(most * share),
    p90: Math.round(most * share * 1.25),
  }))
}

function cost(p10: number, p50: number, p90: number, undone: number): CapacityPlan['header']['cost'] {
  const change = p50 - undone
  const spread = Math.abs(change) * 0.2 + 20
  return {
    provenance: 'estimated',
    usdPerDay: { p10, p50, p90 },
    doNothingUsdPerDay: { p10: undone * 0.9, p50: undone, p90: undone * 1.1 },
    changeUsdPerDay: { p10: change - spread, p50: change, p90: change + spread },
    staticPeakUsdPerDay: 19_270,
    prices: prices.map(([capacityType, usdPerHour, provenance, asOf]) => ({
      region: 'us-east-1',
      instanceType: 'p5.48xlarge',
      capacityType,
      usdPerHour,
      provenance,
      source: 'price list',
      asOf,
    })),
  }
}

function usdPerDay(plan: number, doNothing: number): Pick<WorkloadReport, 'usdPerDay'> {
  const change = plan - doNothing
  return {
    usdPerDay: {
      plan: { p10: plan * 0.9, p50: plan, p90: plan * 1.2 },
      doNothing: { p10: doNothing * 0.9, p50: doNothing, p90: doNothing * 1.2 },
      change: { p10: change - 40, p50: change, p90: change + 60 },
    },
  }
}

const small: Partial<WorkloadDecision> = {
  model: 'chat-8b',
  shape: { gpu: 'H100', gpusPerReplica: 1, precision: 'fp8', instanceType: 'p5.48xlarge' },
  floors: { minReplicas: 1, windows: [], exceptions: [] },
  hardMaximum: 9,
}
const closedGate: WorkloadReport['gate'] = {
  open: false,
  floorSkill: -0.02,
  low: -0.06,
  high: 0.01,
  origins: 14,
  message: 'floor + reactive does not beat the best reactive trigger alone',
}
const smallReport: Partial<WorkloadReport> = {
  dailyPeakReplicas: peaks(5),
  gate: closedGate,
  breachRisk: { doNothing: 0.0009, plan: 0.0009 },
  shortfallUsdPerDay: { doNothing: 2, plan: 2 },
  ...usdPerDay(310, 310),
}
const pools: Pool[] = [pool(), pool({ capacityType: 'spot', maximumNodes: 4, weight: 10 })]

/** The plan in force of all cases but the first. */
export const inForce = planOf(
  { workloads: [workloadDecision(), workloadDecision(small)], pools },
  { origin: '2026-10-25T00:00:00Z', dataThrough: '2026-10-25T00:00:00Z', cost: cost(4800, 5200, 5600, 5300) },
  { 'chat-8b': smallReport },
)

function stateOf(guard: GuardVerdict['guard'], state: GuardVerdict['state'], message: string): GuardVerdict {
  return { guard, state, message, reason: 'policy', code: 'CODE' }
}

const verdicts: PullRequestInputs['verdicts'] = ['prod.us-east-1.capacity', 'prod.us-east-1.serving'].map(
  (stack) => ({
    stack,
    guards: [
      stateOf('digest', 'passed', 'plan is as it was written'),
      stateOf('expiry', 'passed', 'valid until 2026-11-08T00:00:00Z'),
      stateOf('approval', 'not-checked', 'nothing is merged yet'),
      stateOf('caps', 'passed', 'largest decrease 4 % of 30 %'),
    ],
    policies: [
      { policy: 'pool-limits', state: 'passed', violations: [] },
      { policy: 'no-public-endpoints', state: 'passed', violations: [] },
    ],
  }),
)

const scaler = 'keda.sh/v1alpha1:ScaledObject'

function updateOf(kind: string, name: string, path: string, from: unknown, to: unknown): ResourceChange {
  return {
    urn: `urn:pulumi:prod.us-east-1.serving::llmscale::kubernetes:${kind}::${name}`,
    op: 'update',
    paths: [path],
    values: { [path]: { from, to } },
    digest: null,
  }
}

function createOf(name: string): ResourceChange {
  return { ...updateOf(scaler, name, '', '', ''), op: 'create', paths: [], values: {} }
}

/** Of the first workload, from what is in force. */
function moveOf({ decision }: CapacityPlan): ResourceChange {
  const { hardMaximum } = decision.workloads[0]!
  return updateOf(scaler, 'chat-70b-4216a7', 'spec.maxReplicaCount', 40, hardMaximum)
}

export function changesOf(plan: CapacityPlan, changes: ResourceChange[]): ReviewedChanges {
  return {
    apiVersion: 'llmscale/v1alpha1',
    kind: 'ReviewedChanges',
    planId: plan.planId,
    allowDelete: [],
    allowPurchase: [],
    stacks: {
      'prod.us-east-1.serving': {
        engineVersion: '3.246.0',
        providerVersions: { kubernetes: '4.34.2' },
        changes,
        deployedPlanId: plan.header.baseline,
      },
    },
  }
}

const score: PlanScore = {
  from: '2026-10-25T00:00:00Z',
  until: '2026-11-01T00:00:00Z',
  days: 7,
  isReproduced: true,
  breachShare: { plan: 0.0008, doNothing: 0.019, stated: 0.001, p95: 0.004 },
  lossUsdPerDay: { plan: 640, doNothing: 910 },
  daysBetterUndone: { count: 1, of: 14 },
  error: { wape: 0.112, backtestWape: 0.104 },
  workloads: [],
  unscored: [],
}

function inputsOf(
  base: CapacityPlan | undefined,
  plan: CapacityPlan,
  more: Partial<PullRequestInputs> = {},
): PullRequestInputs {
  return {
    ...(base && { base, score }),
    plan,
    diff: diffPlans(base, plan),
    changes: changesOf(
      plan,
      base === undefined ? ['chat-70b-4216a7', 'chat-8b-6a7b4e'].map(createOf) : [moveOf(plan)],
    ),
    verdicts,
    holds: [],
    baseCommit,
    folderUrl,
    ...more,
  }
}

const next = { baseline: inForce.planId }
const raised = workloadDecision({
  floors: {
    minReplicas: 2,
    windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:45', to: '20:00', replicas: 26 }],
    exceptions: [
      { from: '2026-11-06T06:00:00Z', until: '2026-11-07T06:00:00Z', replicas: 30, reason: 'launch' },
    ],
  },
  hardMaximum: 48,
})
const raisedReport: Partial<WorkloadReport> = {
  dailyPeakReplicas: peaks(27),
  breachRisk: { doNothing: 0.031, plan: 0.0012 },
  shortfallUsdPerDay: { doNothing: 940, plan: 40 },
  ...usdPerDay(5460, 5050),
}
const growth = planOf(
  { workloads: [raised, workloadDecision(small)], pools: [pool({ maximumNodes: 24 }), pools[1]!] },
  { ...next, cost: cost(5400, 5770, 6240, 5360), breachRisk: { doNothing: 0.027, plan: 0.0011 } },
  { 'chat-70b': raisedReport, 'chat-8b': smallReport },
)

const lowered = workloadDecision({
  floors: {
    minReplicas: 2,
    windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:30', to: '18:00', replicas: 14 }],
    exceptions: [],
  },
  hardMaximum: 34,
})
const costCut = planOf(
  { workloads: [lowered, workloadDecision(small)], pools: [pool({ maximumNodes: 17 }), pools[1]!] },
  { ...next, cost: cost(3900, 4310, 4700, 5180), breachRisk: { doNothing: 0.0005, plan: 0.001 } },
  {
    'chat-70b': {
      dailyPeakReplicas: peaks(14),
      breachRisk: { doNothing: 0.0004, plan: 0.001 },
      shortfallUsdPerDay: { doNothing: 12, plan: 31 },
      gate: { open: true, floorSkill: 0.11, low: 0.02, high: 0.19, origins: 14, message: 'floors save' },
      ...usdPerDay(4000, 4870),
    },
    'chat-8b': smallReport,
  },
)

const bought = commitment()
const deletion = planOf(
  {
    workloads: [raised],
    pools: [pool({ maximumNodes: 22 }), pool({ capacityType: 'reserved', maximumNodes: 2, weight: 90 })],
    commitments: [bought],
  },
  {
    ...next,
    cost: cost(5700, 6120, 6500, 5360),
    breachRisk: { doNothing: 0.027, plan: 0.0011 },
    findings: [
      {
        code: 'PURCHASE_PLANNED',
        message:
          'applying this plan buys reservation winter of 2 p5.48xlarge in us-east-1b: 2642 USD a day (measured) until 2027-01-31T00:00:00Z, used or not',
      },
      {
        code: 'WORKLOAD_REMOVED',
        message: 'chat-8b/us-east-1 is no longer in llmscale.yaml: this plan deletes it',
      },
    ],
  },
  { 'chat-70b': raisedReport },
)

const limited = planOf(
  { workloads: [workloadDecision({ hardMaximum: 30 }), workloadDecision(small)], pools },
  {
    ...next,
    cost: cost(5500, 5790, 6000, 6310),
    breachRisk: { doNothing: 0.034, plan: 0.061 },
    findings: [
      { code: 'BUDGET_BINDS', message: 'the budget lowers hard maxima: chat-70b/us-east-1 30' },
      {
        code: 'RISK_HIGH',
        message:
          'chat-70b/us-east-1 has 7.1 % of its requests at risk: raise minReplicas, lower planning.reactiveTarget, or override its floor',
      },
    ],
  },
  {
    'chat-70b': {
      dailyPeakReplicas: peaks(34),
      breachRisk: { doNothing: 0.038, plan: 0.071 },
      shortfallUsdPerDay: { doNothing: 1210, plan: 2300 },
      reasons: [
        {
          field: 'hardMaximum',
          value: '30',
          because:
            'budget 6000 USD a day; else 54: 0.99 quantile of the peak: 43 replicas, and 11 for the surge of a rollout',
        },
      ],
      ...usdPerDay(5480, 6000),
    },
    'chat-8b': smallReport,
  },
)

const stale = planOf(
  { workloads: [raised, workloadDecision(small)], pools: [pool({ maximumNodes: 24 }), pools[1]!] },
  {
    ...next,
    dataThrough: '2026-10-27T12:00:00Z',
    cost: cost(5400, 5770, 6240, 5360),
    breachRisk: { doNothing: 0.027, plan: 0.0011 },
    findings: [
      {
        code: 'DATA_OLD',
        message:
          "demand ends 2026-10-27T12:00:00Z, 4.5 days before the plan's origin: forecast and cost start there",
      },
      {
        code: 'WORKLOAD_MISSING',
        message: 'chat-8b/us-east-1 is missing from the metrics and keeps its last approved floors',
      },
      { code: 'GAPS_MASKED', message: 'chat-70b/us-east-1: 97 of 8064 steps are masked as gaps (runs: 1).' },
    ],
  },
  {
    'chat-70b': raisedReport,
    'chat-8b': {
      ...smallReport,
      dailyPeakReplicas: [],
      forecast: {
        model: 'none',
        forecastSkill: null,
        baseline: null,
        wape: null,
        coverage90: null,
        origins: 0,
      },
      gate: { ...closedGate, floorSkill: null, low: null, high: null, origins: 0 },
    },
  },
)

/** What somebody may put into a label, a hold or an override. */
export const hostileNames = [
  '</details><img src=x onerror=alert(1)><script>alert(1)</script>',
  '| a | b |\n| --- | --- |\n# Heading\n- [x] approve\n```',
  '"] ; click A "javascript:alert(1)" %%{init: {}}%% @octocat #1 GH-2 https://evil.example www.evil.example',
]
const [hostileModel, hostileTenant, hostileWords] = hostileNames as [string, string, string]
const hostile = planOf(
  {
    workloads: [
      workloadDecision({ ...raised, model: hostileModel, tenant: hostileTenant }),
      workloadDecision({ ...small, model: hostileWords }),
    ],
    pools,
    overrides: [
      {
        workload: hostileWords,
        floor: 3,
        reason: hostileTenant,
        by: `<!-- llmscale:v1 --> ${hostileModel}`,
        until: '2026-12-01T00:00:00Z',
      },
    ],
  },
  {
    ...next,
    cost: cost(5400, 5770, 6240, 5360),
    findings: [{ code: 'RISK_HIGH', message: `${hostileWords} has 7 % of its requests at risk` }],
  },
  {
    [hostileModel]: {
      ...raisedReport,
      reasons: [
        {
          field: 'hardMaximum',
          value: '48',
          because: `override by ${hostileModel}; else 60: ${hostileWords}`,
        },
      ],
    },
    [hostileWords]: smallReport,
  },
)

/** By the name of the golden file. */
export const pullRequests: Record<string, PullRequestInputs> = {
  'first-plan': inputsOf(
    undefined,
    planOf(
      { workloads: inForce.decision.workloads, pools },
      { cost: cost(4800, 5200, 5600, 5650), breachRisk: { doNothing: 0.0162, plan: 0.0012 } },
      {
        'chat-70b': { breachRisk: { doNothing: 0.017, plan: 0.0012 }, ...usdPerDay(4890, 5340) },
        'chat-8b': {
          ...smallReport,
          breachRisk: { doNothing: 0.011, plan: 0.0009 },
          shortfallUsdPerDay: { doNothing: 21, plan: 2 },
        },
      },
    ),
  ),
  growth: inputsOf(inForce, growth, {
    materiality: {
      isMaterial: true,
      isNeedless: false,
      score: 3430,
      threshold: 620,
      riskAvoidedUsdPerDay: 900,
      savedUsdPerDay: -410,
      disruptionUsd: 310,
      direction: 'up',
      reasons: ['spends 410 USD a day more and avoids shortfalls of 900 USD a day: 3,430 USD in 1w'],
    },
  }),
  'cost-cut': inputsOf(inForce, costCut),
  deletion: inputsOf(inForce, deletion, {
    changes: {
      ...changesOf(deletion, [
        {
          urn: 'urn:pulumi:prod.us-east-1.serving::llmscale::kubernetes:keda.sh/v1alpha1:ScaledObject::chat-8b-91c2f0',
          op: 'delete',
          paths: [],
          values: {},
          digest: null,
        },
        moveOf(deletion),
      ]),
      allowDelete: ['chat-8b/us-east-1', 'us-east-1/p5.48xlarge/spot'],
      allowPurchase: ['winter'],
    },
  }),
  infeasible: inputsOf(inForce, limited, {
    verdicts: verdicts.map((each) => ({
      ...each,
      guards: [
        ...each.guards,
        stateOf('quota', 'refused', 'us-east-1 p5.48xlarge: 24 nodes are planned, the quota is 18'),
      ],
    })),
  }),
  'stale-data': inputsOf(inForce, stale),
  'hostile-names': inputsOf(inForce, hostile, {
    changes: {
      ...changesOf(hostile, [
        updateOf('apps/v1:Deployment', hostileWords, 'metadata.annotations', hostileModel, hostileTenant),
      ]),
      allowDelete: [hostileTenant],
    },
    holds: [
      { name: 'freeze', state: 'in force', hold: { reason: hostileTenant, by: hostileWords } },
      { name: 'broken', state: 'unreadable', hold: undefined },
    ],
    verdicts: [{ stack: hostileWords, guards: [stateOf('hold', 'refused', hostileModel)], policies: [] }],
  }),
}
