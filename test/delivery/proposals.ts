import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Proposal } from '../../src/delivery/propose-change.js'
import { parseInstant } from '../../src/kit/time.js'
import { formatControl } from '../../src/review/controls.js'
import { formatHiddenKey } from '../../src/review/hidden-key.js'
import type { Worth } from '../../src/review/proposal.js'
import { emptyFolder } from '../run-cli.js'
import { bareRepository, git } from './state-places.js'

export const day = (number: number, hour = 4) => parseInstant(`2026-11-${number}T0${hour}:00:00Z`)!

/** Commits files to a branch of a bare repository, as a person would; null removes. Gives the commit. */
export function commitTo(
  repository: string,
  branch: string,
  files: Record<string, string>,
  author = 'ada',
): string {
  const work = emptyFolder()
  git(work, 'init', '--quiet', `--initial-branch=${branch}`, '.')
  git(work, 'remote', 'add', 'origin', `file://${repository}`)
  if (git(repository, 'for-each-ref', `refs/heads/${branch}`) !== '') {
    git(work, 'fetch', '--quiet', 'origin', branch)
    git(work, 'reset', '--quiet', '--hard', 'FETCH_HEAD')
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  git(work, 'add', '--all')
  const by = ['-c', `user.name=${author}`, '-c', `user.email=${author}@acme.example`]
  git(work, ...by, 'commit', '--quiet', '-m', `change ${randomBytes(4).toString('hex')}`)
  git(work, 'push', '--quiet', 'origin', `HEAD:${branch}`)
  const commit = git(work, 'rev-parse', 'HEAD')
  rmSync(work, { recursive: true })
  return commit
}

/** A bare repository whose `main` has a project with the plan number 0 in force. Its copies are quickly made. */
export function seededRepository(): string {
  const repository = bareRepository()
  seedProject(repository)
  rmSync(join(repository, 'hooks'), { recursive: true, force: true })
  return repository
}

/** `main` with a project whose plan in force is number 0. */
export function seedProject(repository: string, branch = 'main'): string {
  return commitTo(repository, branch, {
    'llmscale.yaml': 'environments: {}\n',
    'README.md': 'fleet\n',
    'forecasts/prod/plan.yaml': 'plan: 0\n',
    'forecasts/prod/workloads/chat.us-east-1.yaml': 'floor: 2\n',
    'forecasts/prod/workloads/old.us-east-1.yaml': 'floor: 1\n',
    'forecasts/prod/holds/freeze.yaml': 'reason: freeze\nby: ada\n',
    'forecasts/staging/plan.yaml': 'plan: 7\n',
  })
}

/** Of what is not worth a review something is left, but by `change`. */
export const worth = (isMaterial: boolean, reason: string, change: Partial<Worth> = {}): Worth => ({
  isMaterial,
  isNeedless: false,
  isHeld: false,
  reasons: [reason],
  ...change,
})

export const planId = (number: number) => String(number).padStart(64, '0')

/** Plan number n, made on a day of that number. A plan differs materially from one that is ten away. */
export function makeProposal(number: number, baseCommit: string, change: Partial<Proposal> = {}): Proposal {
  const date = 10 + (number % 10)
  const key = formatHiddenKey({
    environment: 'prod',
    planId: planId(number),
    validAt: `2026-11-${date}T04:00:00Z`,
    expiresAt: `2026-11-${date + 7}T04:00:00Z`,
    base: baseCommit,
  })
  const refresh = formatControl({ action: 'refresh', environment: 'prod' })
  const snooze = formatControl({ action: 'snooze', environment: 'prod' })
  return {
    environment: 'prod',
    branch: 'llmscale/prod',
    baseBranch: 'main',
    baseCommit,
    folder: 'forecasts/prod',
    manifestFolders: [],
    files: new Map([
      ['forecasts/prod/plan.yaml', `plan: ${number}\n`],
      ['forecasts/prod/workloads/chat.us-east-1.yaml', `floor: ${number}\n`],
      ['forecasts/prod/workloads/old.us-east-1.yaml', null],
      ['forecasts/prod/changes.json', `{"plan":${number}}\n`],
      ['forecasts/prod/charts/chat.us-east-1.svg', '<svg/>\n'],
    ]),
    plan: { planId: planId(number), validAt: day(date), expiresAt: day(date + 7) },
    basePlanId: planId(0),
    materiality: worth(true, 'gains 100 USD'),
    title: `Raise chat to ${number}`,
    body: `${key}\nRaise chat to ${number}.\n\n${refresh}\n${snooze}\n`,
    labels: ['llmscale', 'capacity'],
    reviewers: ['bob'],
    teamReviewers: [],
    compareWith: (files) => {
      const other = Number(/\d+/.exec(files.get('plan.yaml')!)![0])
      const isMaterial = Math.abs(other - number) >= 10
      return { isMaterial, reasons: [`chat ${other} → ${number}`] }
    },
    ...change,
  }
}
