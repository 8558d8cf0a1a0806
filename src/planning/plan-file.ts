import { Document, isSeq, parse, stringify, visit, type YAMLMap } from 'yaml'
import { z } from 'zod'
import { digestValue } from '../kit/digest.js'
import { LlmscaleError } from '../kit/errors.js'
import { dnsName } from '../kit/names.js'
import type { Workload } from '../kit/workload.js'
import {
  type CapacityPlan,
  PlanDecision,
  PlanHeader,
  planApiVersion,
  WorkloadDecision,
  WorkloadReport,
} from './capacity-plan.js'

// A plan as files: plan.yaml with the header and what workloads share, and one file a workload, so that a review
// shows only the workloads that change.

const PlanFile = z.strictObject({
  apiVersion: z.literal(planApiVersion),
  kind: z.literal('CapacityPlan'),
  planId: z.string(),
  header: PlanHeader,
  decision: PlanDecision.omit({ workloads: true }).extend({ workloads: z.array(z.string()) }),
})

const WorkloadFile = z.strictObject({
  apiVersion: z.literal(planApiVersion),
  kind: z.literal('WorkloadPlan'),
  decision: WorkloadDecision,
  report: WorkloadReport,
})

const replan = 'Restore the files from git, or make them anew: llmscale plan --ignore-baseline'

/** SHA-256 of the decision alone. */
export function planDigest(decision: PlanDecision): string {
  return digestValue(decision)
}

/** SHA-256 of header, decision and reports, without the digest that the header itself carries. */
export function fileDigest(plan: Pick<CapacityPlan, 'header' | 'decision' | 'reports'>): string {
  const { fileDigest: _own, ...header } = plan.header
  return digestValue({ header, decision: plan.decision, reports: plan.reports })
}

/** Completes a plan with its two digests. */
export function sealPlan(plan: Omit<CapacityPlan, 'planId'>): CapacityPlan {
  return {
    ...plan,
    planId: planDigest(plan.decision),
    header: { ...plan.header, fileDigest: fileDigest(plan) },
  }
}

/** `<model>.<region>`, with the tenant between where there is one: the name of a workload's files. */
export function workloadFileName({ model, region, tenant }: Workload): string {
  return `${dnsName(model)}${tenant === undefined ? '' : `.${dnsName(tenant)}`}.${region}`
}

function workloadPath(workload: Workload): string {
  return `workloads/${workloadFileName(workload)}.yaml`
}

/** The files of a plan: path relative to `forecasts/<env>` → text. The same plan gives the same bytes. */
export function formatPlan(plan: CapacityPlan): Map<string, string> {
  const files = new Map<string, string>()
  const { workloads, ...shared } = plan.decision
  files.set(
    'plan.yaml',
    formatYaml('Written by llmscale for review. Digests are checked: change llmscale.yaml, not this file.', {
      apiVersion: planApiVersion,
      kind: 'CapacityPlan',
      planId: plan.planId,
      header: plan.header,
      decision: { ...shared, workloads: workloads.map(workloadPath) },
    }),
  )
  for (const [index, decision] of workloads.entries()) {
    const report = plan.reports[index]!
    files.set(
      workloadPath(decision),
      formatYaml(
        'Written by llmscale for review. To overrule a number, add it to overrides: in llmscale.yaml.',
        {
          apiVersion: planApiVersion,
          kind: 'WorkloadPlan',
          decision,
          report,
        },
      ),
    )
  }
  return files
}

/** Maps that are read as one line: windows, intervals, reasons. */
const inlineKeys = new Set([
  'days',
  'target',
  'shape',
  'breachRisk',
  'forecast',
  'usdPerDay',
  'doNothingUsdPerDay',
  'changeUsdPerDay',
])
const inlineItems = new Set([
  'windows',
  'dailyPeakReplicas',
  'pools',
  'prices',
  'overrides',
  'commitments',
  'routing',
])

function formatYaml(comment: string, value: object): string {
  const document = new Document(JSON.parse(JSON.stringify(value)))
  document.commentBefore = ` ${comment}`
  visit(document, {
    Pair(_key, pair) {
      const name = String((pair.key as { value?: unknown }).value)
      if (inlineKeys.has(name) && pair.value instanceof Object) (pair.value as YAMLMap).flow = true
      if (inlineItems.has(name) && isSeq(pair.value))
        for (const item of pair.value.items) (item as YAMLMap).flow = true
    },
  })
  return stringify(document, { lineWidth: 0, flowCollectionPadding: false })
}

/**
 * Reads a plan back and checks both digests.
 * `files` maps paths relative to `folder` to their text; `folder` is only named in errors.
 * Throws PLAN_MISSING, PLAN_UNREADABLE or PLAN_DIGEST_MISMATCH.
 */
export function parsePlan(files: ReadonlyMap<string, string>, folder: string): CapacityPlan {
  const head = parseFile(PlanFile, files, 'plan.yaml', folder)
  const parts = head.decision.workloads.map((path) => parseFile(WorkloadFile, files, path, folder))
  const plan: CapacityPlan = {
    planId: head.planId,
    header: head.header,
    decision: { ...head.decision, workloads: parts.map((part) => part.decision) },
    reports: parts.map((part) => part.report),
  }
  for (const [name, written, computed] of [
    ['planId', plan.planId, planDigest(plan.decision)],
    ['header.fileDigest', plan.header.fileDigest, fileDigest(plan)],
  ] as const) {
    if (written !== computed) {
      throw new LlmscaleError(
        'digestMismatch',
        'PLAN_DIGEST_MISMATCH',
        `${folder}/plan.yaml ${name}: ${written.slice(0, 12)}… is not the digest of the files, ${computed.slice(0, 12)}…: ` +
          'the plan was edited by hand or merged badly',
        [replan, 'To overrule a number, add it to overrides: in llmscale.yaml.'],
      )
    }
  }
  return plan
}

function parseFile<T extends z.ZodType>(
  schema: T,
  files: ReadonlyMap<string, string>,
  path: string,
  folder: string,
): z.infer<T> {
  const text = files.get(path)
  if (text === undefined) {
    throw new LlmscaleError('configInvalid', 'PLAN_MISSING', `${folder}/${path} does not exist`, [
      'Run `llmscale plan` to make one.',
    ])
  }
  const result = schema.safeParse(parseYaml(text, `${folder}/${path}`))
  if (result.success) return result.data
  const issues = result.error.issues.map(
    (issue) => `${folder}/${path} ${issue.path.join('.')}: ${issue.message}`,
  )
  throw unreadable(issues.join('\n'))
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw unreadable(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function unreadable(message: string): LlmscaleError {
  return new LlmscaleError('configInvalid', 'PLAN_UNREADABLE', message, [replan])
}
