import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { engineEnvironment } from '../engine.js'
import { type CliRun, emptyFolder, programArgs, runCli } from '../run-cli.js'
import { refuseSecrets, testSecrets } from '../secrets.js'
import { type StandInS3, startS3 } from '../stand-in-s3.js'

/** A clone on a machine that nobody has used before. */
export interface Machine {
  folder: string
  run(...args: string[]): Promise<CliRun>
  /** Runs a script as a step of a workflow is run; throws what it said where it fails. */
  shell(script: string, env?: NodeJS.ProcessEnv): Promise<void>
}

/**
 * A company that uses llmscale: a repository on a stand-in for GitHub, a bucket on a stand-in for S3, a cloud of
 * stand-ins and a clock of its own. The program, git and the engine are real.
 */
export interface Company {
  github: StandInHost
  s3: StandInS3
  /** Pulumi's URL of the bucket. */
  backend: string
  /** The time that every new process finds, and every commit has. */
  setTime(time: string): void
  putDemand(csv: string): Promise<void>
  /** A runner that has checked a branch out. */
  job(ref?: string): Machine
  /** A person's computer. */
  desk(): Machine
  /** Commits what lies in a clone as a person, and pushes it to a branch. */
  push(folder: string, author: string, branch: string): void
  stop(): Promise<void>
}

export async function startCompany(): Promise<Company> {
  const s3 = await startS3()
  const github = await startGitHubHost()
  github.reset()
  const put = (path: string, body?: string) =>
    fetch(`${s3.endpoint}/${path}`, {
      method: 'PUT',
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request' },
      ...(body !== undefined && { body }),
    })
  await put('fleet')
  for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value)
  const cloud = emptyFolder()
  let now = ''

  function clone(): string {
    const folder = emptyFolder()
    git('/', 'clone', '--quiet', `file://${github.repository}`, folder)
    return folder
  }

  function machine(folder: string, actions: NodeJS.ProcessEnv = {}): Machine {
    const env = {
      ...engineEnvironment,
      ...s3.environment,
      ...testSecrets,
      PATH: `${programFolder()}:${engineEnvironment['PATH']}`,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9', // whatever else is asked of AWS finds nobody there
      LLMSCALE_STAND_IN_CLOUD: cloud,
      LLMSCALE_STAND_IN_TIME: now,
      NODE_OPTIONS: `--require ${resolve(import.meta.dirname, '../doubles/clock.js')}`,
      HOME: emptyFolder(),
      KUBECONFIG: undefined,
      ...actions,
    }
    const run = (...args: string[]) => runCli(args, { cwd: folder, env })
    return { folder, run, shell: (script, more) => shell(script, folder, { ...env, ...more }) }
  }

  async function shell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
    const args = ['-eo', 'pipefail', '-c', script]
    const options = { cwd, env: { ...process.env, ...env } }
    const { stdout, stderr } = await promisify(execFile)('bash', args, options)
    refuseSecrets(stdout + stderr, `what ${script} prints`, options.env)
  }

  function job(ref = 'main'): Machine {
    const folder = clone()
    git(folder, 'checkout', '--quiet', '--detach', `origin/${ref}`)
    return machine(folder, {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'ada',
      GITHUB_API_URL: github.access.apiUrl,
      GITHUB_REPOSITORY: 'acme/fleet',
      GITHUB_RUN_ID: '1',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_SHA: git(folder, 'rev-parse', 'HEAD'),
    })
  }

  function push(folder: string, author: string, branch: string): void {
    git(folder, 'add', '--all')
    const by = ['-c', `user.name=${author}`, '-c', `user.email=${author}@acme.example`]
    git(folder, ...by, 'commit', '--quiet', '--allow-empty', '-m', 'Change')
    git(folder, 'push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`)
  }

  return {
    github,
    s3,
    backend: `s3://fleet/pulumi?region=us-east-1&endpoint=${s3.endpoint}&s3ForcePathStyle=true`,
    setTime: (time) => {
      now = time
      for (const name of ['GIT_AUTHOR_DATE', 'GIT_COMMITTER_DATE']) vi.stubEnv(name, time)
    },
    putDemand: async (csv) => void (await put('fleet/demand.csv', csv)),
    job,
    desk: () => machine(clone(), { GITHUB_TOKEN: undefined, GITHUB_ACTIONS: undefined }),
    push,
    stop: async () => {
      vi.unstubAllEnvs()
      await github.stop()
      await s3.stop()
    },
  }
}

/** A folder with the program as users have it on their PATH. */
function programFolder(): string {
  const folder = emptyFolder()
  const words = [process.execPath, ...programArgs].map((word) => `'${word}'`).join(' ')
  writeFileSync(join(folder, 'llmscale'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 })
  return folder
}

/** Somebody else than its author approves a pull request and merges it. */
export function merge({ pulls, squash }: StandInHost, number: number): void {
  const { reviews, head } = pulls.find((each) => each.number === number)!
  reviews.push({ login: 'bob', state: 'APPROVED', type: 'User', commit: head })
  squash(number)
}

/** Hourly demand of one model up to a time, a wave a day whose height is `level` of the day. */
export function waveDemand(from: string, until: string, level: (time: number) => number): string {
  const [start, end] = [parseInstant(from)!, parseInstant(until)!]
  const rows = Array.from({ length: Math.floor((end - start) / secondsPerHour) }, (_, hour) => {
    const time = start + hour * secondsPerHour
    const wave = 1 + 0.8 * Math.sin((2 * Math.PI * time) / secondsPerDay) + 0.05 * Math.sin(hour * hour)
    const count = Math.round(600_000 * level(time) * wave)
    return `${formatInstant(time)},llama-3.1-8b,us-east-1,${count},${count * 800},${count * 200}`
  })
  return `${['timestamp,model,region,requests,input_tokens,output_tokens', ...rows].join('\n')}\n`
}
