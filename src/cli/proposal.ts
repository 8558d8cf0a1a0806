import { join } from 'node:path'
import { createObjects } from '../../stacks/check-inputs.js'
import { listHolds } from '../delivery/hold-file.js'
import { compareManifests } from '../delivery/manifest-folder.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { type ProposalBase, readProposalBase } from '../delivery/plan-history.js'
import { proposalBranch, rollbackBranch } from '../delivery/proposal-branches.js'
import type { Proposal } from '../delivery/propose-change.js'
import { isProposed, pathFromTop, readProposedFiles } from '../delivery/proposed-files.js'
import { type Renewal, readRenewal } from '../delivery/renewal-file.js'
import { readScores } from '../delivery/score-file.js'
import type { StateStore } from '../delivery/state-store.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import { parseInstant } from '../kit/time.js'
import { secondsPerWeek } from '../kit/units.js'
import { createCapacity } from '../manifests/capacity.js'
import { planRegions } from '../manifests/manifests.js'
import { formatObjects, gitopsFolder } from '../manifests/region-folder.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { findUnreviewed, nameResource, type Resources, withoutDecision } from '../planning/change-set.js'
import { diffPlans } from '../planning/diff-plans.js'
import { compareProposals, judgeMateriality, listChanges, type Materiality } from '../planning/materiality.js'
import { parsePlan } from '../planning/plan-file.js'
import {
  parseReviewedChanges,
  type ReviewedChanges,
  reviewedChangesFile,
} from '../planning/reviewed-changes.js'
import { judgeHold, type ListedHold } from '../review/hold-table.js'
import type { Worth } from '../review/proposal.js'
import { writePullRequest } from '../review/pull-request.js'
import { type Deployment, programInputs, type StackTarget } from './deployment.js'
import { checkFiles } from './stack-preview.js'

/** What `pr` is about to propose. */
export interface NewProposal {
  proposal: Proposal
  /** The plan on the reviewed branch. */
  inForce: CapacityPlan | undefined
  warnings: Warning[]
}

/**
 * A proposal of the plan in the work tree over the one on the reviewed branch, as git last fetched it. A plan that a
 * rollback brought back comes with its hold and has a branch of its own, so that no newer plan replaces it unseen.
 *
 * Throws as `readProposalBase`, and `planStale` PLAN_OLDER_THAN_BASE where the plan was made over another one.
 */
export async function createProposal(deployment: Deployment): Promise<NewProposal> {
  const { config, settings, environment, inputs, folder } = deployment
  const { plan, now } = inputs
  const { pullRequests } = config
  const base = await readProposalBase(folder, settings.reviewedBranch, now - secondsPerWeek)
  requireSameBaseline(deployment, base)
  const fromTop = await pathFromTop(folder)
  const files = await readProposedFiles(folder)
  const warnings: Warning[] = []
  const changes = inputs.reviewed?.planId === plan.planId ? inputs.reviewed : undefined
  if (changes === undefined) {
    files.delete(reviewedChangesFile)
    warnings.push({
      code: 'CHANGES_MISSING',
      message: `there is no ${reviewedChangesFile} of this plan: reviewers do not see what would change, and apply asks for it; llmscale preview --write makes it`,
    })
  }
  const holds = await readHolds(folder, base, plan, now)
  const store = await openStateStore(settings, deployment.projectFolder)
  const renewal = base.plan && (await readRenewal(store, environment, base.plan.planId))
  const at = (path: string) => (fromTop === '' ? path : `${fromTop}/${path}`)
  const manifests = await renderManifests(deployment)
  const reviewed = await base.readText(at(reviewedChangesFile))
  const materiality = await judge(deployment, base, holds, renewal, () =>
    findUnreviewedBeside(deployment, base, changes, reviewed),
  )
  const branch = (holds.ofRollback === undefined ? proposalBranch : rollbackBranch)(environment)
  const diff = diffPlans(base.plan, plan)
  // Stacks are not asked here: caps and limits of steps count from the plan in force.
  const overBase = { ...deployment, inputs: { ...inputs, ...(base.plan && { baseline: base.plan }) } }
  const score = await readLastScore(store, environment, base.plan)
  const text = writePullRequest({
    ...(base.plan && { base: base.plan }),
    plan,
    diff,
    ...(changes && { changes }),
    verdicts: deployment.stacks.map((target) => ({
      stack: target.stack,
      ...checkFiles(overBase, target, false),
    })),
    holds: holds.inForce,
    ...(score && { score }),
    // A rollback is not weighed: the figures of its plan are of another time.
    ...(holds.ofRollback === undefined && { materiality }),
    baseCommit: base.commit,
    ...findFolderUrl(branch, fromTop),
  })
  const removed = base.paths.filter((path) => isProposed(path) && !files.has(path))
  return {
    inForce: base.plan,
    warnings,
    proposal: {
      environment,
      branch,
      baseBranch: settings.reviewedBranch,
      baseCommit: base.commit,
      folder: fromTop,
      manifestFolders: manifests.folders,
      files: new Map<string, string | null>([
        ...[...files].map(([path, content]) => [at(path), content] as const),
        ...removed.map((path) => [at(path), null] as const),
        ...manifests.files,
        ...(holds.ofRollback === undefined
          ? []
          : [[at(holds.ofRollback.path), holds.ofRollback.text] as const]),
      ]),
      ...(holds.ofRollback !== undefined && { holdFile: at(holds.ofRollback.path) }),
      plan: {
        planId: plan.planId,
        validAt: parseInstant(plan.header.origin)!,
        expiresAt: parseInstant(plan.header.validUntil)!,
      },
      basePlanId: base.plan?.planId,
      materiality,
      title: text.title,
      body: text.body,
      labels: pullRequests.labels,
      reviewers: pullRequests.reviewers,
      teamReviewers: pullRequests.teamReviewers,
      compareWith: (texts) =>
        compareProposals(plan, parsePlan(texts, 'the plan proposed before'), pullRequests.quietBelow),
    },
  }
}

/**
 * What Argo CD or Flux apply after the merge, by path from the top of the repository; null for files of ours that the
 * plan no longer has. Nothing where Pulumi applies.
 */
async function renderManifests(deployment: Deployment) {
  const { settings, environment, regions, projectFolder } = deployment
  const files = new Map<string, string | null>()
  const folders: string[] = []
  if (settings.delivery !== 'gitops') return { files, folders }
  const prefix = await pathFromTop(projectFolder)
  // Of a region that the plan has left, files may be there that nobody else would miss.
  for (const region of new Set([...regions, ...settings.regions])) {
    const folder = gitopsFolder(settings, environment, region)
    const at = (name: string) => join(prefix, folder, name)
    const target = { stack: '', region, layer: 'serving' as const }
    const objects = regions.includes(region) ? createObjects(programInputs(deployment, target, false)) : []
    const rendered = formatObjects(objects, settings.gitops.format)
    const differences = await compareManifests(join(projectFolder, folder), rendered)
    folders.push(join(prefix, folder))
    for (const { name, text } of rendered) files.set(at(name), text)
    for (const { name, state } of differences) if (state === 'stale') files.set(at(name), null)
  }
  return { files, folders }
}

/**
 * What would be done of the decision in force that nobody reviewed: llmscale.yaml also says things that are no part of a
 * decision.
 * @param changes what the plan of the work tree would change
 * @param reviewed changes.json of the reviewed branch
 */
async function findUnreviewedBeside(
  deployment: Deployment,
  base: ProposalBase,
  changes: ReviewedChanges | undefined,
  reviewed: string | undefined,
): Promise<string[]> {
  if (base.plan === undefined) return []
  const inForce = {
    ...deployment,
    inputs: { ...deployment.inputs, plan: base.plan },
    regions: planRegions(base.plan.decision),
  }
  const known = reviewed === undefined ? undefined : parseReviewedChanges(reviewed, reviewedChangesFile)
  const unreviewed = deployment.planned.flatMap((target) => {
    const fresh = changes?.stacks[target.stack]
    if (fresh === undefined) return []
    const before = known?.stacks[target.stack] ?? { ...fresh, changes: [] }
    const [declared, next] = [inForce, deployment].map((each) => listResources(each, target))
    return findUnreviewed(withoutDecision(fresh, before, declared!, next!), before)
  })
  return [...unreviewed, ...(await findOtherManifests((await renderManifests(inForce)).files, base))]
}

/** What a stack's program declares. */
function listResources(deployment: Deployment, target: StackTarget): Resources {
  const inputs = programInputs(deployment, target, false)
  if (target.layer === 'capacity')
    return new Map(
      createCapacity(inputs.plan.decision, target.region, inputs.config).map((resource) => [
        nameResource(resource.type, resource.name),
        resource.inputs,
      ]),
    )
  return new Map(
    createObjects(inputs).flatMap((object) => {
      const { name, namespace } = object.metadata
      // Some are declared by both, as targets of two namespaces may have one name.
      return [name, `${namespace}/${name}`].map((each) => [nameResource(object.kind, each), object] as const)
    }),
  )
}

/** Where Argo CD or Flux would find something else than on the reviewed branch. */
async function findOtherManifests(
  files: ReadonlyMap<string, string | null>,
  base: ProposalBase,
): Promise<string[]> {
  const others: string[] = []
  for (const [path, text] of files)
    if ((await base.readText(path)) !== text?.trimEnd()) others.push(`${path} is rendered otherwise`)
  return others
}

/** Figures of doing nothing are those of the plan that this one was made over. */
function requireSameBaseline({ inputs: { plan }, settings, folder }: Deployment, base: ProposalBase): void {
  const over = base.plan?.planId ?? null
  if (plan.planId === over || plan.header.baseline === over) return
  const name = (id: string | null) => (id === null ? 'no plan' : `plan ${id.slice(0, 12)}`)
  throw new LlmscaleError(
    'planStale',
    'PLAN_OLDER_THAN_BASE',
    `the plan in ${folder} was made over ${name(plan.header.baseline)}, and origin/${settings.reviewedBranch} has ${name(over)}`,
    [
      over === null
        ? `rm -r ${folder}, and llmscale plan again.`
        : `git checkout origin/${settings.reviewedBranch} -- ${folder}, and llmscale plan again.`,
    ],
  )
}

interface HoldsAround {
  inForce: ListedHold[]
  /** The one that a rollback brought, not on the branch yet: its path in the folder and its text. */
  ofRollback: { path: string; text: string } | undefined
}

async function readHolds(
  folder: string,
  base: ProposalBase,
  { planId }: CapacityPlan,
  now: number,
): Promise<HoldsAround> {
  const listed = await listHolds(folder)
  const pathOf = (name: string) => `holds/${name}.yaml`
  const own = listed.find(({ name, hold }) => hold?.except === planId && !base.paths.includes(pathOf(name)))
  return {
    inForce: listed
      .map(({ name, hold }) => judgeHold(name, hold, now))
      .filter(({ state }) => state !== 'ended'),
    ofRollback: own && { path: pathOf(own.name), text: own.text },
  }
}

/** So many of them are named. */
const mostUnreviewed = 3

/**
 * A rollback is always worth a review, and while a hold stops applies no new plan is.
 * @param listUnreviewed asked where the decision alone is not worth one
 */
async function judge(
  { config, inputs: { plan } }: Deployment,
  base: ProposalBase,
  { inForce, ofRollback }: HoldsAround,
  renewal: Renewal | undefined,
  listUnreviewed: () => Promise<string[]>,
): Promise<Materiality & Worth> {
  const validUntil = renewal && parseInstant(renewal.validUntil)
  const judged = {
    isHeld: false,
    ...judgeMateriality({
      plan,
      ...(base.plan && { baseline: base.plan }),
      ...(validUntil !== undefined && { validUntil }),
      earlier: listChanges(base.merged),
      settings: config.pullRequests.quietBelow,
    }),
  }
  if (ofRollback !== undefined) return asMaterial(judged, 'a rollback')
  const holding = inForce.find(({ hold }) => hold?.except !== plan.planId)
  if (holding !== undefined) {
    const { name, hold } = holding
    const because =
      hold === undefined
        ? `hold ${name} cannot be read`
        : `held by ${hold.by} until ${hold.until ?? 'it is removed'}: ${hold.reason}`
    return { ...judged, isMaterial: false, isHeld: true, reasons: [because, ...judged.reasons] }
  }
  const unreviewed = judged.isMaterial ? [] : await listUnreviewed()
  if (unreviewed.length === 0) return judged
  const rest = unreviewed.length - mostUnreviewed
  const named = [...unreviewed.slice(0, mostUnreviewed), ...(rest > 0 ? [`and ${rest} more`] : [])]
  return asMaterial(judged, `beside the decision, ${named.join(', ')}`)
}

function asMaterial<T extends Materiality>(judged: T, because: string): T {
  return { ...judged, isMaterial: true, isNeedless: false, reasons: [because, ...judged.reasons] }
}

/** How the plan in force did when it was last verified. */
async function readLastScore(store: StateStore, environment: string, inForce: CapacityPlan | undefined) {
  const scores = inForce === undefined ? [] : await readScores(store, environment)
  return scores.find(({ planId }) => planId === inForce!.planId)?.score
}

/** Where people see the files of a branch; undefined where the environment does not say which host it is. */
function findFolderUrl(branch: string, folder: string): { folderUrl?: string } {
  const { GITHUB_SERVER_URL = 'https://github.com', GITHUB_REPOSITORY } = process.env
  return GITHUB_REPOSITORY === undefined
    ? {}
    : { folderUrl: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/blob/${branch}/${folder}` }
}
