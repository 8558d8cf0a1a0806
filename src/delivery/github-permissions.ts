/** What one use of GitHub needs of its token, and of AWS, in the job that does it. */
interface FeaturePermissions {
  feature: string
  /** File of .github/workflows, and job in it. */
  job: `${string}.yml ${string}`
  /** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions */
  token: Readonly<Record<string, 'read' | 'write'>>
  role: 'preview' | 'apply' | null
}

/**
 * Exactly what each feature uses: the jobs of the workflows ask for no more, `llmscale doctor` prints it, and the table in
 * docs/github.md has the same rows.
 */
export const githubPermissions: readonly FeaturePermissions[] = [
  {
    feature: 'make a plan and what it would change',
    job: 'plan.yml plan',
    token: { contents: 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'open, refresh or close its pull request',
    job: 'plan.yml plan',
    token: { contents: 'write', 'pull-requests': 'write' },
    role: null,
  },
  {
    feature: 'check a proposed plan',
    job: 'preview.yml preview',
    token: { contents: 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'say on pull requests of people what they change',
    job: 'preview.yml compare',
    token: { contents: 'read', 'pull-requests': 'write', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'deploy what was merged',
    job: 'apply.yml apply',
    token: { contents: 'read', 'id-token': 'write' },
    role: 'apply',
  },
  {
    feature: 'read its review, with approval github',
    job: 'apply.yml apply',
    token: { 'pull-requests': 'read' },
    role: null,
  },
  {
    feature: 'tell the merged pull request how it went',
    job: 'apply.yml apply',
    token: { 'pull-requests': 'write' },
    role: null,
  },
  {
    feature: 'keep receipts and locks on a branch',
    job: 'apply.yml apply',
    token: { contents: 'write' },
    role: null,
  },
  {
    feature: 'score the plan in force, find drift',
    job: 'verify.yml verify',
    token: { contents: 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'keep scores on a branch, propose the plan before',
    job: 'verify.yml verify',
    token: { contents: 'write', 'pull-requests': 'write' },
    role: null,
  },
  {
    feature: 'keep the dashboard',
    job: 'dashboard.yml dashboard',
    token: { contents: 'read', issues: 'write', 'pull-requests': 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'obey boxes: start plan.yml, propose a hold, snooze',
    job: 'dashboard.yml dashboard',
    token: { actions: 'write', contents: 'write', 'pull-requests': 'write' },
    role: null,
  },
  {
    feature: 'keep the dashboard',
    job: 'plan.yml dashboard',
    token: { contents: 'read', issues: 'write', 'pull-requests': 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'keep the dashboard',
    job: 'verify.yml dashboard',
    token: { contents: 'read', issues: 'write', 'pull-requests': 'read', 'id-token': 'write' },
    role: 'preview',
  },
  {
    feature: 'see that schedules run',
    job: 'plan.yml heartbeat',
    token: { contents: 'read', actions: 'read' },
    role: null,
  },
  {
    feature: 'see that schedules run',
    job: 'verify.yml heartbeat',
    token: { contents: 'read', actions: 'read' },
    role: null,
  },
]

/** `contents: read, id-token: write` */
export function formatPermissions(token: FeaturePermissions['token']): string {
  return Object.entries(token)
    .map(([name, level]) => `${name}: ${level}`)
    .join(', ')
}
