import { LlmscaleError } from '../kit/errors.js'
import { TemporaryFailure } from '../kit/retry.js'

/** What llmscale needs of any place that keeps git branches. Commits are named by their ids. */
export interface BranchHost {
  /** For messages, without secrets. */
  readonly place: string
  readonly defaultBranch: string
  /** Undefined where there is no such branch. */
  readBranch(name: string): Promise<HostCommit | undefined>
  readCommit(id: string): Promise<HostCommit>
  compare(from: string, to: string): Promise<CommitComparison>
  /** Ids of contents by path, of a file or of all files of a folder. */
  filesAt(commit: string, path: string): Promise<Map<string, string>>
  /** The text of a content by its id. */
  readText(id: string): Promise<string>
  /**
   * Makes a branch one commit on top of another, in one step that fails with BranchMoved where the branch is no longer at
   * `expected`. Gives the commit.
   */
  writeBranch(write: BranchWrite): Promise<string>
  close(): Promise<void>
}

export interface HostCommit {
  id: string
  tree: string
  parents: string[]
  message: string
  /** Who made it, for messages. */
  author: string
}

interface CommitComparison {
  /** The second commit has the first one in its history, or is it. */
  isAhead: boolean
  /** Where they differ, if the second one is ahead; undefined where these are more than the host lists. */
  paths: string[] | undefined
}

export interface BranchWrite {
  branch: string
  /** The commit below. */
  base: string
  /** Texts by path; null removes a file that the base has. */
  files: ReadonlyMap<string, string | null>
  /** The commit's message, of the tree that it gets. */
  describe(tree: string): string
  /** Where the branch is now; undefined where it is not there yet. */
  expected: string | undefined
}

/** Somebody else wrote a branch since it was read. */
export class BranchMoved extends TemporaryFailure {
  constructor(place: string, branch: string) {
    super(
      (tries) =>
        new LlmscaleError(
          'upstreamUnavailable',
          'BRANCH_MOVED',
          `${place}: others moved branch ${branch} during each of ${tries} tries`,
          ['Run it again when the other runs have ended.'],
        ),
    )
  }
}

/** A host that has pull requests, reviews and issues beside branches. */
export interface GitHost extends BranchHost {
  /** Open and closed, the newest first. */
  pullRequestsFrom(branch: string): Promise<HostPullRequest[]>
  /** Gives the one that is open already where there is one: two runs never open two. */
  createPullRequest(values: {
    branch: string
    base: string
    title: string
    body: string
  }): Promise<HostPullRequest>
  updatePullRequest(
    number: number,
    values: { title?: string; body?: string; base?: string; state?: 'open' | 'closed' },
  ): Promise<void>
  /** When people or bots last edited the body; undefined where nobody did. */
  bodyEditedAt(number: number): Promise<string | undefined>
  addLabels(number: number, labels: readonly string[]): Promise<void>
  removeLabel(number: number, label: string): Promise<void>
  requestReviewers(number: number, people: readonly string[], teams: readonly string[]): Promise<void>
  /** Of an issue or pull request, all of them, the oldest first. */
  commentsOf(number: number): Promise<HostComment[]>
  createComment(number: number, body: string): Promise<HostComment>
  updateComment(id: number, body: string): Promise<void>
  reviewsOf(number: number): Promise<HostReview[]>
  /** The oldest issue whose body has this key, open or closed. */
  findIssue(label: string, key: string): Promise<HostIssue | undefined>
  createIssue(values: { title: string; body: string; label: string; key: string }): Promise<HostIssue>
  updateIssue(
    number: number,
    values: { title?: string; body?: string; state?: 'open' | 'closed' },
  ): Promise<void>
  /** Who writes here, as authors of comments are named. */
  ownLogin(): Promise<string>
  /** admin, write, read or none. */
  permissionOf(login: string): Promise<string>
  /** Merged pull requests that brought a commit to a branch. */
  mergedPullRequestsOf(commit: string, branch: string): Promise<HostPullRequest[]>
  /** Starts a workflow, by its file, on the default branch. */
  dispatchWorkflow(file: string, inputs: Readonly<Record<string, string>>): Promise<void>
}

export interface HostPullRequest {
  number: number
  url: string
  state: 'open' | 'closed'
  isMerged: boolean
  /** Its last commit. */
  head: string
  /** Name of the branch that it is for. */
  base: string
  title: string
  body: string
  labels: string[]
  /** Undefined where the account is gone. */
  author: string | undefined
}

interface HostComment {
  id: number
  body: string
  author: string | undefined
}

interface HostReview {
  author: string | undefined
  isByPerson: boolean
  state: string
}

export interface HostIssue {
  number: number
  url: string
  state: 'open' | 'closed'
  title: string
  body: string
}
