/** What the bot's own commit says of itself, so that it is told from people's. */
export interface ProposalMark {
  planId: string
  /** ISO 8601 */
  validAt: string
  /** Git's id of the tree that the bot committed. */
  tree: string
}

/** Trailers in the form of https://git-scm.com/docs/git-interpret-trailers. */
export function formatCommitMessage(headline: string, { planId, validAt, tree }: ProposalMark): string {
  const subject = headline.replace(/\s+/g, ' ').trim().slice(0, 100)
  return `${subject}\n\nLlmscale-Plan: ${planId}\nLlmscale-Valid-At: ${validAt}\nLlmscale-Tree: ${tree}\n`
}

/**
 * Undefined where a commit is not the bot's, or no longer as the bot made it: who amends it changes its tree, and who
 * adds a commit says nothing of a tree.
 */
export function readCommitMark({
  message,
  tree,
}: {
  message: string
  tree: string
}): ProposalMark | undefined {
  const read = (name: string) => new RegExp(`^Llmscale-${name}: (\\S+)$`, 'm').exec(message)?.[1]
  const [planId, validAt, stated] = ['Plan', 'Valid-At', 'Tree'].map(read)
  if (planId === undefined || validAt === undefined || stated !== tree) return undefined
  return { planId, validAt, tree }
}
