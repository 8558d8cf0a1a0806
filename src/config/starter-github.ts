// What `llmscale init --github` writes beside the workflows, and what it leaves to people.

/** What a repository needs that installs llmscale; the workflows install what its lockfile pins. */
export function starterPackage(version: string): string {
  return `${JSON.stringify({ private: true, dependencies: { llmscale: version } }, null, 2)}\n`
}

/** Packages bring programs that run at install, with the roles of the workflows in reach: none of ours needs one. */
export const npmSettings = ['ignore-scripts=true']

/** Stands where an owner is to be named; GitHub shows it as an error until then. */
export const unnamedOwner = '@OWNER'

/**
 * CODEOWNERS of the rules: who may change them decides what may be applied. Plans are data, which anybody who may write
 * can review.
 * @param configPath of llmscale.yaml, from the top of the repository
 */
export function codeOwners(configPath: string, owner: string): string {
  const folder = configPath.includes('/') ? configPath.slice(0, configPath.lastIndexOf('/') + 1) : ''
  const rules = [
    `/${configPath}`,
    `/${folder}policies/`,
    `/${folder}stacks/`,
    '/.github/',
    '/.npmrc',
    '/package.json',
    '/package-lock.json',
  ]
  const width = Math.max(...rules.map(({ length }) => length))
  return `# Rules need their owners; forecasts/ is data, which anybody with write access reviews.
${rules.map((rule) => `${rule.padEnd(width)} ${owner}\n`).join('')}`
}

/** What a person must do on GitHub and AWS before the first pull request, a line each. */
export function listGitHubSteps(setup: {
  configPath: string
  owner: string
  /** Whether CODEOWNERS was there before: it then lacks the rules. */
  keepsOwners: boolean
  environments: readonly string[]
  version: string
  /** Whether package.json was there before: it then lacks llmscale. */
  keepsPackage: boolean
  hasLockfile: boolean
}): string[] {
  const { configPath, owner, keepsOwners, environments, version, keepsPackage, hasLockfile } = setup
  return [
    ...(keepsPackage
      ? [`npm install --save-exact llmscale@${version}`]
      : hasLockfile
        ? []
        : ['npm install']
    ).map(
      (command) =>
        `${command}, and commit package.json and package-lock.json: the workflows install from it.`,
    ),
    `In ${configPath} set metrics, and for each environment backend (a runner keeps no state), budget and approval: github.`,
    ...(configPath === 'llmscale.yaml' ? [] : [`gh variable set LLMSCALE_CONFIG --body ${configPath}`]),
    ...(keepsOwners
      ? [
          `In .github/CODEOWNERS give owners to ${configPath}, policies/, stacks/, .github/ and package*.json.`,
        ]
      : owner === unnamedOwner
        ? [`In .github/CODEOWNERS put a person or team for ${unnamedOwner}.`]
        : []),
    'Push a first commit to main, an empty one if need be: git commit --allow-empty, git push origin HEAD:main.',
    'Commit the rest, and bring it to main by a pull request that somebody else approves: apply asks for that of llmscale.yaml too.',
    'Make two roles in AWS, one that reads and one that applies: node_modules/llmscale/docs/github.md has their policies.',
    'gh variable set AWS_REGION --body us-east-1; gh variable set LLMSCALE_PREVIEW_ROLE --body <ARN of the role that reads>',
    ...environments.flatMap((name) => [
      `Settings, Environments: make ${name}, with required reviewers, no self-review, and the branch main alone.`,
      `gh variable set LLMSCALE_APPLY_ROLE --env ${name} --body <ARN of the role that applies>`,
    ]),
    'gh secret set PULUMI_CONFIG_PASSPHRASE (or secretsProvider in the configuration, or PULUMI_ACCESS_TOKEN for Pulumi Cloud).',
    'Where the configuration reads them: gh secret set PROMETHEUS_TOKEN, gh secret set LLMSCALE_TENANT_KEY.',
    'Make a GitHub App with actions, contents, issues and pull requests: write, install it here; gh variable set LLMSCALE_APP_ID, gh secret set LLMSCALE_APP_PRIVATE_KEY.',
    'Without an App: Settings, Actions, General, Allow GitHub Actions to create and approve pull requests; checks then wait for a click.',
    'Protect main: a pull request with an approval by somebody else than the last pusher, stale approvals dismissed, code owners, branches up to date.',
    'Protect main: require the check "plans are as reviewed".',
    'gh label create llmscale:edited --description "A person has changed the branch of llmscale"',
    'With credentials that may write the backend, and the same passphrase: llmscale plan && llmscale preview, once; it makes the stacks.',
    'gh workflow run plan.yml: the first plan.',
  ]
}
