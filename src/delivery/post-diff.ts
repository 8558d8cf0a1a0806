import type { EpochSeconds } from '../kit/units.js'
import { hashDiffComment, parseDiffKey } from '../review/diff-comment.js'
import type { GitHost } from './git-host.js'

export const diffPostActions = ['create', 'update', 'unchanged', 'newerExists', 'quiet'] as const

/** What is said of one environment. */
export interface DiffPost {
  environment: string
  validAt: EpochSeconds
  /** Its first line is the key of both. */
  body: string
  isEmpty: boolean
}

/**
 * Says on a pull request what it changes: one comment an environment, written anew in place. It writes nothing where the
 * comment says the same already, where a later run has spoken, and where nothing changes and nothing was said before.
 * Comments of others count for nothing, whatever they contain.
 *
 * Throws what the host throws.
 */
export async function postDiff(
  host: GitHost,
  pullRequest: number,
  { environment, validAt, body, isEmpty }: DiffPost,
): Promise<(typeof diffPostActions)[number]> {
  const keyed = (await host.commentsOf(pullRequest)).flatMap((comment) => {
    const key = parseDiffKey(comment.body)
    return key?.environment === environment ? [{ ...comment, saidAt: key.validAt }] : []
  })
  const login = keyed.length === 0 ? undefined : await host.ownLogin()
  const own = keyed.filter(({ author }) => author === login)
  if (own.some(({ saidAt }) => saidAt > validAt)) return 'newerExists'
  // Two runs at once may have made two: none may go on saying something else.
  const outdated = own.filter((comment) => hashDiffComment(comment.body) !== hashDiffComment(body))
  for (const { id } of outdated) await host.updateComment(id, body)
  if (outdated.length > 0) return 'update'
  if (own.length > 0) return 'unchanged'
  if (isEmpty) return 'quiet'
  await host.createComment(pullRequest, body)
  return 'create'
}
