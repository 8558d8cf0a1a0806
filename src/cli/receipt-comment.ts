import { createGit } from '../delivery/git.js'
import type { GitHost, HostPullRequest } from '../delivery/git-host.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { sayOnce } from '../delivery/propose-change.js'
import { latestReceipt, type Receipt } from '../delivery/receipt.js'
import { findSecretValues, maskText } from '../kit/secret-forms.js'
import {
  formatReceiptKey,
  type Verdict,
  writeReceiptComment,
  writeRefusalComment,
} from '../review/receipt-comment.js'
import { describeActor } from './actor.js'
import type { Deployment } from './deployment.js'
import { checkFiles } from './stack-preview.js'

/** What is said of the last apply. */
export interface ReceiptComment {
  /** Undefined where no receipt is of this run: it did not begin. */
  receipt: Receipt | undefined
  key: string
  body: string
}

/**
 * What to say of the apply of this checkout: in a workflow that of the same run, else the last of the same plan. Throws
 * as `openStateStore` and `latestReceipt`.
 */
export async function createReceiptComment(deployment: Deployment): Promise<ReceiptComment> {
  const { settings, projectFolder, environment, inputs } = deployment
  const store = await openStateStore(settings, projectFolder)
  const last = await latestReceipt(store, environment)
  const { GITHUB_RUN_ID: run } = process.env
  const { planId } = inputs.plan
  const isOurs = last?.planId === planId && (run === undefined || last.by === describeActor())
  if (isOurs) return { receipt: last, key: formatReceiptKey(last), body: writeReceiptComment(last) }
  const id = `refused-${run ?? planId}`
  const refusal = { id, environment, planId, by: describeActor(), verdicts: findRefusals(deployment) }
  return { receipt: undefined, key: formatReceiptKey(refusal), body: writeRefusalComment(refusal) }
}

/** What forbids an apply, of what can be told without the cluster, the cloud and the engine. */
function findRefusals(deployment: Deployment): Verdict[] {
  const secrets = findSecretValues(process.env)
  const verdicts = deployment.stacks.flatMap((target) => {
    const { guards, policies } = checkFiles(deployment, target, true)
    const violations = policies.flatMap((policy) => policy.violations)
    return [
      ...guards.filter(({ state }) => state === 'refused'),
      ...violations.map(({ policy, subject, message }) => ({
        guard: policy,
        message: `${subject} ${message}`,
      })),
    ]
  })
  const unique = new Map(verdicts.map(({ guard, message }) => [`${guard} ${message}`, { guard, message }]))
  return [...unique.values()].map(({ guard, message }) => ({
    guard,
    state: 'refused',
    message: maskText(message, secrets),
  }))
}

/**
 * Says it once to each merged pull request that brought HEAD to the reviewed branch, and gives those; a comment that is
 * there is never changed.
 */
export async function commentReceipt(
  host: GitHost,
  { settings, projectFolder }: Deployment,
  { key, body }: ReceiptComment,
): Promise<HostPullRequest[]> {
  const head = await createGit({ folder: projectFolder, place: projectFolder }).run(['rev-parse', 'HEAD'])
  const pulls = await host.mergedPullRequestsOf(head, settings.reviewedBranch)
  for (const { number } of pulls) await sayOnce(host, number, key, body)
  return pulls
}
