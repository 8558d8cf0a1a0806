import { z } from 'zod'
import { findTokenForms, holdsSecret, namesSecret } from '../kit/secret-forms.js'
import { Duration, Label } from './values.js'

/** Flags that follow from the plan: another value would run something else than was sized and reviewed. */
const plannedFlags = [
  'model',
  'served-model-name',
  'port',
  'tensor-parallel-size',
  'pipeline-parallel-size',
  'distributed-executor-backend',
  'nnodes',
  'node-rank',
  'master-addr',
  'headless',
  'max-model-len',
  'max-num-seqs',
  'quantization',
  'gpu-memory-utilization',
]

const Argument = z
  .string()
  .regex(/^--[a-z0-9][\w.-]*(=.*)?$/s, {
    error: ({ input }) => `${JSON.stringify(input)} is not one flag; write --name or --name=value`,
  })
  .superRefine((argument, context) => {
    const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    const flag = name.replaceAll('_', '-')
    if (plannedFlags.includes(flag))
      context.addIssue({ code: 'custom', message: `--${flag} is set by llmscale; leave it out` })
    else if (namesSecret(flag) || findTokenForms(value ?? '').length > 0)
      context.addIssue({
        code: 'custom',
        // The value stays out of the message.
        message: `--${flag} looks like a secret, which a configuration must not hold; write env with secret: {name, key}`,
      })
  })

const variableName = z.string().regex(/^[A-Za-z_]\w*$/, {
  error: ({ input }) => `${JSON.stringify(input)} is not the name of an environment variable`,
})

const Variable = z
  .strictObject({
    name: variableName.describe('Its name.'),
    value: z.string().optional().describe('Its value; never a secret.'),
    secret: z
      .strictObject({
        name: z.string().min(1).describe('Name of a Secret in the namespace of the target.'),
        key: z.string().min(1).describe('Key in it.'),
      })
      .optional()
      .describe('Where the cluster has it.'),
  })
  .superRefine(({ name, value, secret }, context) => {
    if ((value === undefined) === (secret === undefined))
      context.addIssue({ code: 'custom', message: `${name} needs either value or secret: {name, key}` })
    else if (value !== undefined && looksSecret(name, value))
      context.addIssue({
        code: 'custom',
        path: ['value'],
        message: 'looks like a secret, which a configuration must not hold; write secret: {name, key}',
      })
  })

function looksSecret(name: string, value: string): boolean {
  return (namesSecret(name) && holdsSecret(value)) || findTokenForms(value).length > 0
}

const Cache = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pvc'),
    claim: Label.optional().describe(
      'An existing claim that all pods may mount; default llmscale makes one.',
    ),
    storageClass: z.string().min(1).optional().describe('Of that claim; it must offer ReadWriteMany.'),
    sizeGiB: z.int().min(1).default(500).describe('Of that claim.'),
  }),
  z.strictObject({
    kind: z.literal('host'),
    path: z
      .string()
      .regex(/^\/[\w./-]+$/, { error: 'is not an absolute path' })
      .describe('Folder of every GPU node that `user` may write to.'),
  }),
  z.strictObject({ kind: z.literal('none') }),
])

/** How llmscale runs the servers itself (own mode), instead of bounds beside the team's chart (reference mode). */
export const Serve = z
  .strictObject({
    image: z.string().min(1).describe('Container image of vLLM, e.g. vllm/vllm-openai:v0.20.0.'),
    model: z.string().min(1).describe('What vLLM loads: a Hugging Face repository, or a path in the image.'),
    quantization: z
      .string()
      .min(1)
      .optional()
      .describe(
        'vLLM’s name of it, or `checkpoint`: as the checkpoint says. Default: fp8 for fp8 shapes, else checkpoint.',
      ),
    maxSequences: z
      .int()
      .min(1)
      .optional()
      .describe('Requests of a replica that run at once; default vLLM’s.'),
    port: z.int().min(1024).max(65535).default(8000).describe('Of the server and its Service.'),
    cpus: z.number().positive().optional().describe('That a pod asks for; default 2 for each GPU.'),
    memoryGiB: z.int().min(1).optional().describe('That a pod asks for; default 8 for each GPU.'),
    cache: Cache.default({ kind: 'none' }).describe(
      'Where weights lie: pvc (shared), host (of the node) or none (each pod loads them).',
    ),
    drain: Duration.prefault('90s').describe(
      'How long a pod that is taken away goes on with its requests: that of the longest.',
    ),
    env: z
      .array(Variable)
      .default([])
      .superRefine((variables, context) => {
        const names = variables.map(({ name }) => name)
        for (const [index, name] of names.entries())
          if (names.indexOf(name) < index)
            context.addIssue({
              code: 'custom',
              path: [index, 'name'],
              message: `${name} is there already`,
            })
      })
      .describe('Environment variables: {name, value} or {name, secret: {name, key}}.'),
    args: z.array(Argument).default([]).describe('More flags of `vllm serve`, one each: --name=value.'),
    serviceAccount: z.string().min(1).optional().describe('Of the pods; default that of the namespace.'),
    user: z.int().min(1).default(2000).describe('User and group id of the pods; 2000 is vLLM’s own.'),
    readOnlyRoot: z
      .boolean()
      .default(true)
      .describe('False where the image writes beside /tmp and its caches.'),
  })
  .describe('Render the serving objects too; without it llmscale writes only the autoscaler’s bounds.')
export type Serve = z.infer<typeof Serve>

/**
 * Names of targets in own mode. The Service takes it, which must begin with a letter, and pods add up to 12
 * characters to it in a label of 63 (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/).
 */
export const ownTargetName = /^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/

/** Kinds of targets that llmscale renders. */
const ownTargetKinds = ['Deployment', 'LeaderWorkerSet']

/** What is wrong with a target that llmscale renders, by key. */
export function checkOwnTarget(target: { kind?: string | undefined; name?: string | undefined }): {
  key: string
  message: string
}[] {
  const { kind, name } = target
  const findings: { key: string; message: string }[] = []
  if (kind !== undefined && !ownTargetKinds.includes(kind)) {
    const message = `${kind} is not rendered; with serve: write ${ownTargetKinds.join(' or ')}`
    findings.push({ key: 'kind', message })
  }
  if (name !== undefined && !ownTargetName.test(name)) {
    const message = `${JSON.stringify(name)} cannot name a Service; with serve: begin with a letter and use at most 50 of a-z, 0-9 and -`
    findings.push({ key: 'name', message })
  }
  return findings
}
