import { parseConfig } from '../src/config/parse-config.js'
import type { Config } from '../src/config/schema.js'
import type { Commitment, PlanDecision } from '../src/planning/capacity-plan.js'
import { capacityPlan } from './plan-fixture.js'

/** A configuration of `prod` with an EKS cluster in us-east-1; `nodes` and `more` are YAML. */
export function capacityConfig(nodes = 'manager: managed-node-groups', more = ''): Config {
  return parseConfig(
    `
environments:
  prod:
    regions: [us-east-1]
    nodes: {${nodes}}
    tags: {team: serving}
    clusters:
      us-east-1:
        name: gpu-east
        nodeRole: arn:aws:iam::123456789012:role/gpu-node
        subnets: [subnet-a, subnet-b, subnet-c]
        zones: [us-east-1a, us-east-1b, us-east-1c]
        securityGroups: [sg-nodes]
${more}
metrics: {files: [demand.csv]}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`,
    'llmscale.yaml',
  )
}

/** A reservation of two nodes in us-east-1b that a plan buys; every field may be given. */
export function commitment(fields: Partial<Commitment> = {}): Commitment {
  return {
    kind: 'odcr',
    state: 'proposed',
    region: 'us-east-1',
    instanceType: 'p5.48xlarge',
    count: 2,
    until: '2027-01-31T00:00:00Z',
    name: 'winter',
    zone: 'us-east-1b',
    ...fields,
  }
}

export function decisionOf(fields: Partial<PlanDecision> = {}): PlanDecision {
  return capacityPlan(fields).decision
}
