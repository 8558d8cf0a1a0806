import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { emptyFolder } from '../run-cli.js'

/** The script of the step in docs/scheduled-plans.md that proposes what changed. */
function readScript(): string {
  const text = readFileSync('docs/scheduled-plans.md', 'utf8')
  const workflows = [...text.matchAll(/```yaml\n(# \.github\/workflows[\s\S]*?)```/g)].map(([, yaml]) =>
    parse(yaml!),
  )
  const steps: { name?: string; run?: string }[] = workflows.flatMap(({ jobs }) => jobs.plan.steps)
  const proposing = steps.filter(({ name }) => name === 'Propose what changed')
  expect(proposing).toHaveLength(1)
  return proposing[0]!.run!
}

const branch = 'refs/heads/llmscale/plan'
const identity = ['-c', 'user.name=Ann', '-c', 'user.email=ann@acme.example']

describe('the step that proposes a plan', () => {
  const script = readScript()
  let remote: string
  let calls: string
  let bin: string
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' }).trim()
  const head = () => git(remote, 'rev-parse', branch)

  beforeEach(() => {
    const folder = emptyFolder()
    remote = join(folder, 'remote.git')
    git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', remote)
    const first = clone('first')
    write(first, 'forecasts/plan.yaml', 'old')
    git(first, 'add', '.')
    git(first, 'commit', '--quiet', '-m', 'First')
    git(first, 'push', '--quiet', 'origin', 'HEAD:refs/heads/main')
    bin = join(folder, 'bin')
    calls = join(folder, 'calls')
    write(folder, 'bin/gh', `#!/bin/sh\necho "$*" >> '${calls}'\n[ "$2" = view ] && exit 1\nexit 0\n`)
    chmodSync(join(bin, 'gh'), 0o755)
  })

  function clone(name: string): string {
    const folder = join(emptyFolder(), name)
    git('.', 'clone', '--quiet', '--depth=1', `file://${remote}`, folder)
    return folder
  }

  function write(folder: string, path: string, text: string): void {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  /** As GitHub's runner does: `bash -e`. */
  function propose(plan: string, text = script): { status: number | null; output: string } {
    const folder = clone('job')
    write(folder, 'forecasts/plan.yaml', plan)
    const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', text], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    })
    return { status, output: stdout + stderr }
  }

  const shown = () => git(remote, 'show', `${branch}:forecasts/plan.yaml`)

  it('pushes one commit, and replaces it by the next plan', () => {
    expect(propose('first')).toMatchObject({ status: 0 })
    expect(shown()).toBe('first')
    expect(readFileSync(calls, 'utf8')).toContain('pr create --head llmscale/plan')
    expect(propose('second')).toMatchObject({ status: 0 })
    expect(shown()).toBe('second')
    expect(git(remote, 'rev-list', '--count', `main..${branch}`)).toBe('1')
  })

  it('proposes nothing where nothing changed', () => {
    expect(propose('old')).toMatchObject({ status: 0 })
    expect(() => head()).toThrow()
  })

  it('leaves the branch alone where a person has added to it', () => {
    propose('first')
    commitByHand()
    const theirs = head()
    const { status, output } = propose('second')
    expect([status, output]).toEqual([0, expect.stringContaining('is left alone')])
    expect(head()).toBe(theirs)
  })

  it('fails rather than overwrite what is pushed meanwhile', () => {
    propose('first')
    const late = script.replace(
      'git push',
      `git -C '${commitByHand('later')}' push --quiet origin HEAD:${branch}\ngit push`,
    )
    expect(late).not.toBe(script)
    const { status, output } = propose('second', late)
    expect([status, output]).toEqual([1, expect.stringContaining('stale info')])
    expect(shown()).toBe('by hand')
  })

  /** A person's commit on the branch: pushed at once, or `later` by the folder that is returned. */
  function commitByHand(when: 'at once' | 'later' = 'at once'): string {
    const folder = clone('person')
    git(folder, 'fetch', '--quiet', 'origin', branch)
    git(folder, 'checkout', '--quiet', 'FETCH_HEAD')
    write(folder, 'forecasts/plan.yaml', 'by hand')
    git(folder, 'commit', '--quiet', '-am', 'By hand')
    if (when === 'at once') git(folder, 'push', '--quiet', 'origin', `HEAD:${branch}`)
    return folder
  }
})
