// What `llmscale init` writes: short enough to read in one go, with the rest of the keys beside it as comments.

const editorLine = '# yaml-language-server: $schema=./node_modules/llmscale/schema/llmscale.schema.json'

const trigger = `# The reactive trigger: what KEDA asks Prometheus for, one number for each model. It acts above the floors.
trigger:
  serverAddress: http://prometheus.monitoring:9090
  query: sum(vllm:num_requests_running{model_name="{model}"} + vllm:num_requests_waiting{model_name="{model}"})`

/** One model in one region; the demand file that it names is the user's to bring. */
export const starterConfig = `${editorLine}
# What people decide; llmscale plans the rest. Text after # on a line of its own shows what else there is.
environments:
  production:
    regions: [us-east-1]
    # budget: { usdPerDay: 2000 }

# Demand by model and time: timestamp,model[,region][,tenant],requests[,input_tokens][,output_tokens],
# one row a step, or one row a request. CSV (also gzipped), Parquet or JSON lines, timestamps with a zone.
metrics:
  files: [demand.csv]
  # columns: { requests: request_count }    # our name: the file's
  # sources:                                # instead of files; llmscale metrics discover --url … proposes it
  #   - prometheus: { url: http://prometheus.monitoring:9090, presets: [vllm] }

# GPU shapes that replicas may run on.
shapes:
  - { instanceType: p5.48xlarge, gpusPerReplica: 1 }
  # - { instanceType: g6e.12xlarge, gpusPerReplica: 4, precision: fp8 }

workloads:
  - model: llama-3.1-8b
    target: { kind: Deployment, name: llama-3-1-8b } # only its autoscaler's bounds are written
    slo: { ttftP95: 2s, itlP95: 50ms }
    # timeZone: Europe/Berlin
    # minReplicas: 1
    # maxReplicas: 40
    # assumedLengths: { inputTokens: 1500, outputTokens: 300 }  # where the metrics count no tokens

${trigger}

# models:                     # models that the catalogue lacks, or that have another name
#   our-model: { architecture: ./config.json }
# poolLimits:
#   - { instanceType: p5.48xlarge, maxNodes: 10 }
# prices:                     # stand over the catalogue's
#   - { instanceType: p5.48xlarge, capacityType: on-demand, usdPerHour: 40 }
# planning: { policy: balanced, spotCap: 30% }   # aggressive, balanced, conservative or cost-optimized
# overrides:                  # a person's decision that stands over the plan until a date
#   - { workload: llama-3.1-8b/us-east-1, floor: 6, reason: launch, by: ops, until: 2027-01-31 }
`

/** The example fleet of the demand scenario of the same name: three models in two regions. */
export const exampleConfig = `${editorLine}
# An example: its demand is made up (seeded, by \`llmscale init --example\`), everything else is as in earnest.
environments:
  production:
    regions: [us-east-1, eu-west-1]
    budget: { usdPerDay: 12000 }

metrics:
  files: [demand.csv]

shapes:
  - { instanceType: g6e.xlarge, gpusPerReplica: 1, precision: fp8 }
  - { instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8 }

# An office in New York and one in Dublin: floors follow local mornings, so each region has an entry of its own.
workloads:
  - model: llama-3.1-8b
    regions: [us-east-1]
    timeZone: America/New_York
    target: { kind: Deployment, name: llama-3-1-8b }
    slo: { ttftP95: 2s, itlP95: 60ms }
    shapes: [1xL40S-fp8@g6e.xlarge]
  - model: llama-3.1-8b
    regions: [eu-west-1]
    timeZone: Europe/Dublin
    target: { kind: Deployment, name: llama-3-1-8b }
    slo: { ttftP95: 2s, itlP95: 60ms }
    shapes: [1xL40S-fp8@g6e.xlarge]
  - model: llama-3.1-70b
    regions: [us-east-1]
    timeZone: America/New_York
    target: { kind: Deployment, name: llama-3-1-70b }
    slo: { ttftP95: 3s, itlP95: 80ms }
    shapes: [2xH100-fp8@p5.48xlarge]
  - model: llama-3.1-70b
    regions: [eu-west-1]
    timeZone: Europe/Dublin
    target: { kind: Deployment, name: llama-3-1-70b }
    slo: { ttftP95: 3s, itlP95: 80ms }
    shapes: [2xH100-fp8@p5.48xlarge]
  - model: qwen2.5-72b
    regions: [us-east-1]
    timeZone: America/New_York
    target: { kind: Deployment, name: qwen2-5-72b }
    slo: { ttftP95: 3s, itlP95: 80ms }
    shapes: [2xH100-fp8@p5.48xlarge]
  - model: qwen2.5-72b
    regions: [eu-west-1]
    timeZone: Europe/Dublin
    target: { kind: Deployment, name: qwen2-5-72b }
    slo: { ttftP95: 3s, itlP95: 80ms }
    shapes: [2xH100-fp8@p5.48xlarge]

planning:
  policy: balanced
  spotCap: 30%

${trigger}
`

/** Pulumi.yaml of a repository that llmscale plans for: a plain `pulumi up` runs the installed package's program. */
export const pulumiProject = `# One project; its stacks are <environment>.<region>.<layer>, their settings lie in stacks/config. The program guards
# itself: an expired, edited or held plan is refused by a plain \`pulumi up\` too.
name: llmscale
description: GPU capacity for LLM serving, from the reviewed plan in forecasts/
runtime:
  name: nodejs
  options:
    typescript: false
main: node_modules/llmscale/dist/stacks/main.js
stackConfigDir: stacks/config
`
