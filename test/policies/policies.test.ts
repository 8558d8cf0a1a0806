import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertPolicies,
  checkPolicies,
  createPolicies,
  type PolicyConfig,
  type PolicyInputs,
  type PolicyResource,
  type PolicyVerdict,
  spotCap,
} from '../../policies/index.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { PolicySettings } from '../../src/config/policy-settings.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import type { CapacityPlan, PriceUsed } from '../../src/planning/capacity-plan.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { anyPlan } from './plan-arbitrary.js'
import { container, deployment, disruptionBudget, leaderWorkerSet } from './server-fixture.js'

const now = Date.parse('2026-11-02T00:00:00Z') / 1000

const configText = `environments:
  prod:
    regions: [us-east-1]
    budget: {usdPerDay: 1500}
    tags: {team: serving}
    clusters: {us-east-1: {zones: [us-east-1a, us-east-1b, us-east-1c]}}
metrics: {files: [demand.csv]}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
planning: {spotCap: 30%}
poolLimits: [{instanceType: p5.48xlarge, maxNodes: 20}]
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`

/** The configuration of the fixtures with these `policies:`. */
function configOf(policies: object = {}): PolicyConfig {
  return parseConfig(`${configText}policies: ${JSON.stringify(policies)}\n`, 'llmscale.yaml')
}

const price = (fields: Partial<PriceUsed> = {}): PriceUsed => ({
  region: 'us-east-1',
  instanceType: 'p5.48xlarge',
  capacityType: 'on-demand',
  usdPerHour: 55,
  provenance: 'measured',
  source: 'https://aws.amazon.com/ec2/pricing/',
  asOf: '2026-10-01',
  ...fields,
})

const cost = (fields: Partial<CapacityPlan['header']['cost']> = {}) => ({
  cost: { ...capacityPlan().header.cost, prices: [price()], ...fields },
})

const kubernetes = (object: Record<string, unknown>): PolicyResource => ({
  type: `kubernetes:${object['apiVersion']}:${object['kind']}`,
  name: (object['metadata'] as { name: string }).name,
  properties: object,
})

const reservation: PolicyResource = {
  type: 'aws:ec2/capacityReservation:CapacityReservation',
  name: 'launch-week',
  properties: { instanceType: 'p5.48xlarge', tags: { team: 'serving' } },
  purchase: 'launch-week',
}

const nodeGroup = (properties: object = {}): PolicyResource => ({
  type: 'aws:eks/nodeGroup:NodeGroup',
  name: 'prod-p5',
  properties: { tags: { team: 'serving' }, ...properties },
})

const proposed = {
  kind: 'odcr',
  state: 'proposed',
  region: 'us-east-1',
  instanceType: 'p5.48xlarge',
  count: 4,
  until: '2026-12-01T00:00:00Z',
  name: 'launch-week',
  zone: 'us-east-1a',
} as const

/** Floors need 11 nodes of the 20; one reservation is bought. */
const soundPlan = (decision: Partial<CapacityPlan['decision']> = {}) =>
  capacityPlan({ commitments: [proposed], ...decision }, cost())

/** What breaks no rule: each case below changes one thing of it. */
const sound: PolicyInputs = {
  plan: soundPlan(),
  baseline: soundPlan(),
  resources: [
    kubernetes(deployment()),
    kubernetes(leaderWorkerSet()),
    kubernetes(disruptionBudget()),
    nodeGroup(),
    reservation,
  ],
  now,
}

const verdicts = (inputs: Partial<PolicyInputs>, policies: object = {}): PolicyVerdict[] =>
  checkPolicies(createPolicies(configOf(policies), 'prod'), { ...sound, ...inputs })

const complaints = (found: readonly PolicyVerdict[]): string[] =>
  found.flatMap(({ violations }) =>
    violations.map((each) => `${each.policy}: ${each.subject} ${each.message}`),
  )

const serving = (fields: Parameters<typeof deployment>[0]) => ({
  resources: [kubernetes(deployment(fields)), kubernetes(disruptionBudget())],
})
const inContainer = (fields: object) => serving({ container: fields })
const commitment = (fields: object) => ({
  plan: soundPlan({ commitments: [{ ...proposed, ...fields }] }),
  resources: [],
})
const workload = workloadDecision

interface Case {
  because: string
  inputs: Partial<PolicyInputs>
  policies?: object
  /** The whole of what is said. */
  said: string[]
}

const refusals: Case[] = [
  {
    because: 'too much spot',
    inputs: {
      plan: soundPlan({
        pools: [pool({ maximumNodes: 12 }), pool({ capacityType: 'spot', maximumNodes: 8 })],
      }),
    },
    said: [
      'spot-cap: p5.48xlarge in us-east-1 may be 40 % spot (8 of 20 nodes); allowed are 30 %: lower planning.spotCap, or raise policies.spotCap.maximumShare',
    ],
  },
  {
    because: 'a zone holds too many of the nodes that floors need',
    inputs: { plan: soundPlan({ workloads: [workload({ floors: constant(28) })] }) },
    said: [
      'zone-loss: p5.48xlarge in us-east-1 keeps 13 of 20 nodes without us-east-1a, and floors need 14: raise its poolLimits, spread reservations, or lower policies.zoneLoss.floorShare',
    ],
  },
  {
    because: 'reserved nodes lie in one zone',
    inputs: {
      plan: soundPlan({
        pools: [pool({ maximumNodes: 10 }), pool({ capacityType: 'reserved', maximumNodes: 10 })],
        commitments: [{ ...proposed, state: 'owned', count: 10, zone: 'us-east-1b' }],
      }),
      resources: [],
    },
    said: [
      'zone-loss: p5.48xlarge in us-east-1 keeps 6 of 20 nodes without us-east-1b, and floors need 11: raise its poolLimits, spread reservations, or lower policies.zoneLoss.floorShare',
    ],
  },
  {
    because: 'floors rest on spot',
    inputs: {
      plan: soundPlan({
        workloads: [workload({ floors: constant(26) })],
        pools: [pool({ maximumNodes: 12 }), pool({ capacityType: 'spot', maximumNodes: 8 })],
      }),
    },
    policies: { spotCap: { maximumShare: '50%' } },
    said: [
      'spot-loss: p5.48xlarge in us-east-1 keeps 12 of 20 nodes without its largest spot pool, and floors need 13: lower planning.spotCap, or raise its poolLimits',
    ],
  },
  {
    because: 'a hard maximum falls too far',
    inputs: { baseline: soundPlan({ workloads: [workload({ hardMaximum: 81 })] }) },
    said: [
      'step-limit: chat-70b/us-east-1 hard maximum falls by 50.6 %, from 81 to 40 replicas; allowed are 50 %: hold it up with an override and lower it in steps, or raise policies.stepLimit.maximumShare',
    ],
  },
  {
    because: 'a mean floor falls too far',
    inputs: {
      plan: soundPlan({ workloads: [workload({ floors: constant(4) })] }),
      baseline: soundPlan({ workloads: [workload({ floors: constant(10) })] }),
    },
    said: [
      'step-limit: chat-70b/us-east-1 mean floor falls by 60 %, from 10 to 4 replicas; allowed are 50 %: hold it up with an override and lower it in steps, or raise policies.stepLimit.maximumShare',
    ],
  },
  {
    because: 'the pools are above poolLimits',
    inputs: { plan: soundPlan({ pools: [pool({ maximumNodes: 21 })] }) },
    said: [
      'pool-limits: p5.48xlarge in us-east-1 has pools of 21 nodes; poolLimits allow 20: run `llmscale plan` again, or raise them',
    ],
  },
  {
    because: 'a hard maximum does not fit into the pools',
    inputs: { plan: soundPlan({ workloads: [workload({ hardMaximum: 41 })] }) },
    said: [
      'pool-limits: chat-70b/us-east-1 may have 41 replicas, 21 nodes of p5.48xlarge in us-east-1, and its pools have 20: lower maxReplicas, or raise its poolLimits',
    ],
  },
  {
    because: 'the floors of two workloads do not fit into the pools',
    inputs: {
      plan: soundPlan({
        workloads: [
          workload({ floors: constant(21), hardMaximum: 40 }),
          workload({ model: 'code-34b', floors: constant(20), hardMaximum: 40 }),
        ],
      }),
    },
    policies: { zoneLoss: 'off' },
    said: [
      'pool-limits: p5.48xlarge in us-east-1 has pools of 20 nodes, and floors need 21 at once: run `llmscale plan` again, lower minReplicas or overrides, or raise its poolLimits',
    ],
  },
  {
    because: 'there is no pool of the instance type',
    inputs: { plan: soundPlan({ pools: [] }), baseline: soundPlan({ pools: [] }) },
    said: [
      'pool-limits: chat-70b/us-east-1 has no pool of p5.48xlarge in us-east-1: run `llmscale plan` again',
    ],
  },
  {
    because: 'the pools are above the quota',
    inputs: {
      quotas: [{ region: 'us-east-1', instanceType: 'p5.48xlarge', capacityType: 'on-demand', nodes: 12 }],
    },
    said: [
      'pool-limits: p5.48xlarge in us-east-1 has on-demand pools of 20 nodes; the account’s quota allows 12: ask AWS for more, or set poolLimits to 12',
    ],
  },
  {
    because: 'it costs more than the budget',
    inputs: {
      plan: capacityPlan({}, cost({ usdPerDay: { p10: 900, p50: 1000, p90: 1600 } })),
      resources: [],
    },
    said: [
      `cost-cap: plan ${capacityPlan().planId.slice(0, 12)} costs up to 1600 USD a day (90th percentile); the budget is 1500: run \`llmscale plan\` under it, or raise budget.usdPerDay of the environment`,
    ],
  },
  {
    because: 'a pool goes under load',
    inputs: {
      baseline: soundPlan({ pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 3 })] }),
    },
    said: [
      'pool-deletion: us-east-1/p5.48xlarge/spot goes with its 3 nodes while workloads run on p5.48xlarge in us-east-1: move them first, or add it to policies.poolDeletion.allowed',
    ],
  },
  {
    because: 'a price is old',
    inputs: { plan: capacityPlan({}, cost({ prices: [price({ asOf: '2024-10-01' })] })), resources: [] },
    said: [
      'price-age: on-demand p5.48xlarge in us-east-1 has a price of 2024-10-01, 762 days old; allowed are 728: update llmscale, or set today’s under prices:',
    ],
  },
  {
    because: 'a price doubled',
    inputs: { plan: capacityPlan({}, cost({ prices: [price({ usdPerHour: 110 })] })), resources: [] },
    said: [
      'price-jump: on-demand p5.48xlarge in us-east-1 changed by 100 %, from 55 to 110 USD an hour; allowed are 50 %: check it, then raise policies.priceJump.maximumShare for this plan',
    ],
  },
  {
    because: 'a reservation is not of the plan',
    inputs: { plan: soundPlan({ commitments: [] }) },
    said: [
      'purchase-names: reservation launch-week bills from its creation: plan it with --allow-purchase, and name it in policies.purchaseNames.allowed where that is set',
    ],
  },
  {
    because: 'a purchase is not on the list',
    inputs: commitment({}),
    policies: { purchaseNames: { allowed: ['other'] } },
    said: [
      'purchase-names: odcr launch-week of 4 p5.48xlarge in us-east-1 bills from its creation: plan it with --allow-purchase, and name it in policies.purchaseNames.allowed where that is set',
    ],
  },
  {
    because: 'a purchase never ends',
    inputs: {
      plan: soundPlan({ commitments: [(({ until: _, ...endless }) => endless)(proposed)] }),
      resources: [],
    },
    said: [
      'purchase-names: odcr launch-week of 4 p5.48xlarge in us-east-1 never ends: give it until: in llmscale.yaml',
    ],
  },
  {
    because: 'an AWS resource has no tags',
    inputs: { resources: [nodeGroup({ tags: undefined })] },
    said: ['required-tags: prod-p5 lacks tags team: add them under tags: of the environment'],
  },
  {
    because: 'what Karpenter launches has an empty tag',
    inputs: {
      resources: [
        kubernetes({
          apiVersion: 'karpenter.k8s.aws/v1',
          kind: 'EC2NodeClass',
          metadata: { name: 'gpu' },
          spec: { tags: { team: '' } },
        }),
      ],
    },
    said: ['required-tags: gpu lacks spec.tags team: add them under tags: of the environment'],
  },
  {
    because: 'no memory is asked for',
    inputs: inContainer({ resources: { requests: { cpu: '8' }, limits: { 'nvidia.com/gpu': '4' } } }),
    said: ['requests: Deployment chat-70b container server asks for no memory: set resources.requests'],
  },
  {
    because: 'no GPU is asked for',
    inputs: inContainer({ resources: { requests: { cpu: '8', memory: '64Gi' } } }),
    said: [
      'requests: Deployment chat-70b has no container that asks for GPUs: set resources.limits["nvidia.com/gpu"]',
    ],
  },
  {
    because: 'a probe is missing',
    inputs: inContainer({ startupProbe: undefined }),
    said: ['probes: Deployment chat-70b container server has no startupProbe: add what is missing'],
  },
  {
    because: 'the leader of a group has no readiness probe',
    inputs: {
      resources: [
        kubernetes(leaderWorkerSet({ leader: { readinessProbe: undefined } })),
        kubernetes(disruptionBudget()),
      ],
    },
    said: [
      'probes: LeaderWorkerSet chat-405b (leader) container server has no readinessProbe: add what is missing',
    ],
  },
  {
    because: 'a disruption budget selects other pods',
    inputs: {
      resources: [
        kubernetes(deployment()),
        kubernetes(disruptionBudget({ selector: { matchLabels: { app: 'other' } } })),
      ],
    },
    said: [
      'disruption-budget: Deployment chat-70b has no PodDisruptionBudget that selects its pods: set disruptionBudget of its workload',
    ],
  },
  {
    because: 'no priority is set',
    inputs: serving({ pod: { priorityClassName: undefined } }),
    said: ['priority-class: Deployment chat-70b has no priorityClassName: set priority of its workload'],
  },
  {
    because: 'a container is privileged',
    inputs: inContainer({ securityContext: { privileged: true } }),
    said: [
      'privileged: Deployment chat-70b container server has securityContext.privileged: set it to false',
    ],
  },
  {
    because: 'a pod uses the network of its host',
    inputs: serving({ pod: { hostNetwork: true } }),
    said: ['privileged: Deployment chat-70b has hostNetwork: remove it'],
  },
  {
    because: 'an init container adds a capability',
    inputs: serving({
      pod: {
        initContainers: [container({ securityContext: { capabilities: { add: ['CAP_SYS_ADMIN'] } } })],
      },
    }),
    said: [
      'privileged: Deployment chat-70b container server adds the capability CAP_SYS_ADMIN: remove it, or allow it in policies.privileged.capabilities',
    ],
  },
  {
    because: 'a variable holds a secret',
    inputs: inContainer({ env: [{ name: 'VLLM_API_KEY', value: 'very-secret-words' }] }),
    said: [
      'plain-secrets: chat-70b variable VLLM_API_KEY looks like a secret: reference a Secret of the cluster (secretKeyRef), or remove it',
    ],
  },
  {
    because: 'an argument holds a secret',
    inputs: inContainer({ args: ['--api-key', 'very-secret-words'] }),
    said: [
      'plain-secrets: chat-70b argument --api-key looks like a secret: reference a Secret of the cluster (secretKeyRef), or remove it',
    ],
  },
]

function constant(replicas: number) {
  return { minReplicas: replicas, windows: [], exceptions: [] }
}

describe('each rule', () => {
  it('lets pass what is sound, with nothing left unchecked', () => {
    expect(verdicts({}).filter(({ state }) => state !== 'passed')).toEqual([])
  })

  it.each(refusals)('refuses where $because, and says what to change', ({ inputs, policies, said }) => {
    expect(complaints(verdicts(inputs, policies))).toEqual(said)
  })

  it('is refused by at least one case', () => {
    const refused = new Set(refusals.map(({ said }) => said[0]!.split(':')[0]))
    expect([...refused].sort()).toEqual(
      verdicts({})
        .map(({ policy }) => policy)
        .sort(),
    )
  })

  it('can be turned off, and then says so', () => {
    for (const setting of Object.keys(PolicySettings.shape)) {
      const off = verdicts({}, { [setting]: 'off' }).filter(({ state }) => state !== 'passed')
      expect(off).toEqual([
        {
          policy: setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
          state: 'not-checked',
          reason: `policies.${setting} is off in llmscale.yaml`,
          violations: [],
        },
      ])
    }
  })

  it('that needs what is not there is not checked, and says why', () => {
    const { plan: _plan, baseline: _baseline, ...alone } = sound
    const found = checkPolicies(createPolicies(configOf(), 'prod'), { ...alone, resources: [] })
    expect(
      found.flatMap(({ policy, reason }) => (reason === undefined ? [] : [`${policy}: ${reason}`])),
    ).toEqual([
      ...['spot-cap', 'zone-loss', 'spot-loss', 'step-limit', 'pool-limits', 'cost-cap', 'pool-deletion'].map(
        (policy) => `${policy}: there is no plan to look at`,
      ),
      ...['price-age', 'price-jump'].map((policy) => `${policy}: there is no plan to look at`),
    ])
    const first = checkPolicies(createPolicies(configOf(), 'prod'), {
      ...alone,
      plan: soundPlan(),
      resources: [],
    })
    expect(
      first.filter(({ state }) => state !== 'passed').map(({ policy, reason }) => [policy, reason]),
    ).toEqual(
      ['step-limit', 'pool-deletion', 'price-jump'].map((policy) => [
        policy,
        'there is no plan in force to compare with',
      ]),
    )
  })
})

describe('limits', () => {
  it('are read from llmscale.yaml, with the place of what is wrong', () => {
    const wrong = (policies: object) => () => configOf(policies)
    expect(wrong({ stepLimit: 'on' })).toThrow('policies.stepLimit: is neither off nor a block of limits')
    expect(wrong({ stepLimit: { maximumShare: 3 } })).toThrow(
      'policies.stepLimit.maximumShare: 3 is not a share',
    )
    expect(wrong({ stepLimit: { maximum: 1 } })).toThrow('policies.stepLimit.maximum: unknown key')
    expect(wrong({ spotCup: 'off' })).toThrow('policies.spotCup: unknown key; did you mean spotCap?')
  })

  it('make exceptions that people have reviewed', () => {
    const goes = { baseline: soundPlan({ pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 3 })] }) }
    const name = 'us-east-1/p5.48xlarge/spot'
    expect(complaints(verdicts(goes, { poolDeletion: { allowed: [name] } }))).toEqual([])
    expect(complaints(verdicts({ ...goes, allowedDeletions: [name] }))).toEqual([])
    expect(
      complaints(verdicts({ plan: soundPlan({ commitments: [] }), allowedPurchases: ['launch-week'] })),
    ).toEqual([])
    expect(
      complaints(
        verdicts(inContainer({ env: [{ name: 'STOP_TOKEN', value: 'endoftext' }] }), {
          plainSecrets: { ignored: ['STOP_TOKEN'] },
        }),
      ),
    ).toEqual([])
    expect(
      complaints(
        verdicts(inContainer({ securityContext: { capabilities: { add: ['NET_ADMIN'] } } }), {
          privileged: { capabilities: ['NET_ADMIN'] },
        }),
      ),
    ).toEqual([])
  })

  it('of an environment that is not there are an error', () => {
    expect(() => createPolicies(configOf(), 'stage')).toThrow('no environment "stage"; it has prod')
  })
})

describe('spot cap', () => {
  it('refuses exactly the plans whose spot share is above the cap', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.integer({ min: 0, max: 100 }), (onDemand, spot, cap) => {
        const pools = [pool({ maximumNodes: onDemand }), pool({ capacityType: 'spot', maximumNodes: spot })]
        const plan = capacityPlan({ pools })
        const [verdict] = checkPolicies([spotCap(cap / 100)], { plan, resources: [], now })
        const allowed = spot * 100 <= cap * (onDemand + spot)
        expect(verdict?.state).toBe(allowed ? 'passed' : 'refused')
      }),
    )
  })

  it('counts each region and instance type for itself', () => {
    const plan = capacityPlan({
      pools: [
        pool({ maximumNodes: 100 }),
        pool({ region: 'eu-west-1', capacityType: 'spot', maximumNodes: 1 }),
        pool({ instanceType: 'g6e.12xlarge', capacityType: 'spot', maximumNodes: 1 }),
      ],
    })
    const [verdict] = checkPolicies([spotCap(0.5)], { plan, resources: [], now })
    expect(verdict?.violations.map(({ subject }) => subject)).toEqual([
      'p5.48xlarge in eu-west-1',
      'g6e.12xlarge in us-east-1',
    ])
  })
})

describe('floors at once', () => {
  const day = (timeZone: string, model: string) =>
    workload({
      model,
      timeZone,
      hardMaximum: 20,
      floors: {
        minReplicas: 0,
        windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00', replicas: 20 }],
        exceptions: [],
      },
    })
  const neededOf = (...workloads: ReturnType<typeof workload>[]) => {
    const plan = soundPlan({ workloads, pools: [pool({ maximumNodes: 19 })] })
    return complaints(verdicts({ plan, baseline: plan, resources: [] }, { zoneLoss: 'off' }))
  }

  it('are summed minute by minute, each workload in its own time zone', () => {
    expect(neededOf(day('Europe/Berlin', 'a'), day('America/Los_Angeles', 'b'))).toEqual([])
    expect(neededOf(day('Europe/Berlin', 'a'), day('Europe/Paris', 'b')).join()).toContain(
      'floors need 20 at once',
    )
  })

  it('are each at their highest all week where an HPA keeps them', () => {
    const workloads = [day('Europe/Berlin', 'a'), day('America/Los_Angeles', 'b')]
    const config = configOf({ zoneLoss: 'off' })
    const prod = { ...config.environments['prod']!, autoscaler: 'hpa' as const }
    const policies = createPolicies({ ...config, environments: { prod } }, 'prod')
    const needed = (maximumNodes: number) => {
      const plan = soundPlan({ workloads, pools: [pool({ maximumNodes })] })
      return complaints(checkPolicies(policies, { ...sound, plan, baseline: plan, resources: [] }))
    }
    expect(needed(20)).toEqual([])
    expect(needed(19).join()).toContain('floors need 20 at once')
  })

  it('count a dated exception only while it is in force', () => {
    const launch = (from: string, until: string) =>
      workload({
        hardMaximum: 38,
        floors: { ...constant(2), exceptions: [{ from, until, replicas: 40, reason: 'launch' }] },
      })
    expect(neededOf(launch('2026-11-04T00:00:00Z', '2026-11-05T00:00:00Z')).join()).toContain(
      'floors need 20',
    )
    expect(neededOf(launch('2026-10-04T00:00:00Z', '2026-10-05T00:00:00Z'))).toEqual([])
  })
})

describe('pool deletion', () => {
  it('lets a pool go whose workloads have left, and one whose reservation has ended', () => {
    const other = pool({ instanceType: 'g6e.12xlarge', gpusPerNode: 4 })
    expect(complaints(verdicts({ baseline: soundPlan({ pools: [pool(), other] }) }))).toEqual([])
    const ended = (until: string) => ({
      baseline: soundPlan({
        pools: [pool(), pool({ capacityType: 'reserved', maximumNodes: 4 })],
        commitments: [{ ...proposed, state: 'owned', until }],
      }),
    })
    expect(complaints(verdicts(ended('2026-11-01T00:00:00Z')))).toEqual([])
    expect(complaints(verdicts(ended('2026-11-03T00:00:00Z')))).toHaveLength(1)
  })
})

describe('step limit', () => {
  it('compares replicas of different shapes by what they carry, and always allows one less', () => {
    const shape = { gpu: 'H100', gpusPerReplica: 8, precision: 'fp8', instanceType: 'p5.48xlarge' } as const
    const twice = soundPlan({ workloads: [workload({ shape, hardMaximum: 17, floors: constant(5) })] })
    twice.reports[0]!.requestsPerSecondPerReplica = 4
    expect(complaints(verdicts({ plan: twice, resources: [] }))).toEqual([])
    const single = (hardMaximum: number) =>
      soundPlan({ workloads: [workload({ hardMaximum, floors: constant(0) })] })
    expect(complaints(verdicts({ plan: single(0), baseline: single(1), resources: [] }))).toEqual([])
  })
})

describe('plain secrets', () => {
  const messages = (fields: object) => complaints(verdicts(inContainer(fields)))

  it.each([
    { env: [{ name: 'NOTE', value: 'hf_abcdefghijklmnopqrstuvwxyz' }] },
    { env: [{ name: 'PROXY', value: 'http://user:hunter22@proxy:3128' }] },
    { env: [{ name: 'dbPassword', value: 'hunter22' }] },
    { args: ['--token=abcdefgh'] },
    { command: ['sh', '-c', 'export KEY=AKIAIOSFODNN7EXAMPLE'] },
    { env: [{ name: 'KEY_FILE', value: '-----BEGIN RSA PRIVATE KEY-----\nMII' }] },
  ])('are found in %j and never repeated', (fields) => {
    const found = messages(fields)
    expect(found).toHaveLength(1)
    expect(found[0]).not.toMatch(/hf_abc|hunter22|abcdefgh|AKIA|MII/)
  })

  it.each([
    { env: [{ name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/secrets/token' }] },
    { env: [{ name: 'SKIP_TOKEN', value: 'true' }] },
    { args: ['--api-key=$(API_KEY)', '--max-model-len', '8192', '--enable-token', '--port', '8000'] },
    { env: [{ name: 'URL', value: 'https://proxy:3128/path@v1' }] },
  ])('are not seen in %j', (fields) => {
    expect(messages(fields)).toEqual([])
  })

  it('are found in a Secret that is rendered', () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hf' }, stringData: { token: 'x' } }
    expect(complaints(verdicts({ resources: [kubernetes(secret)] })).join()).toContain(
      'stringData in plain sight',
    )
  })
})

describe('all rules', () => {
  it('never throw on a plan that can be read, and always answer in the same order', () => {
    const policies = createPolicies(configOf(), 'prod')
    const names = policies.map(({ name }) => name)
    fc.assert(
      fc.property(anyPlan, fc.option(anyPlan), (plan, baseline) => {
        const inputs = { plan, ...(baseline && { baseline }), resources: sound.resources, now }
        const found = checkPolicies(policies, inputs)
        expect(found.map(({ policy }) => policy)).toEqual(names)
        expect(checkPolicies(policies, inputs)).toEqual(found)
      }),
      { numRuns: 60 },
    )
  })

  it('never throw on a resource of any form', () => {
    const policies = createPolicies(configOf(), 'prod')
    const kind = fc.constantFrom(
      'Deployment',
      'LeaderWorkerSet',
      'PodDisruptionBudget',
      'Pod',
      'Secret',
      'CronJob',
    )
    const resource = fc
      .record({
        kind,
        metadata: fc.anything(),
        spec: fc.oneof(fc.anything(), fc.record({ template: fc.anything() })),
      })
      .map((properties): PolicyResource => ({ type: 'kubernetes:any', name: 'any', properties }))
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 4 }), (resources) => {
        checkPolicies(policies, { resources, now })
      }),
    )
  })

  it('name everything that is wrong in one error, and exit with 5', () => {
    try {
      assertPolicies(verdicts({ ...refusals[0]!.inputs, resources: [nodeGroup({ tags: {} })] }))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(LlmscaleError)
      expect((error as LlmscaleError).exitCode).toBe(5)
      expect((error as LlmscaleError).message).toMatch(/^spot-cap: .*\nrequired-tags: prod-p5 lacks/)
    }
  })
})
