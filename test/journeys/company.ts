import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { engineEnvironment } from '../engine.js'
import { type CliRun, emptyFolder, programArgs } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { refuseSecrets, testSecrets } from '../secrets.js'
import { type JobRun, type Runner, runWorkflow, type Workflow, workflowOf } from '../stand-in-runner.js'
import { type StandInS3, startS3 } from '../stand-in-s3.js'

const root = resolve(import.meta.dirname, '../..')

/** ARN of a role that a workflow takes. */
export const roleArn = (name: string) => `arn:aws:iam::111122223333:role/${name}`

/** A clone on a machine that nobody has used before. */
export interface Machine {
  folder: string
  run(...args: string[]): Promise<CliRun>
  /** Runs a script as a step of a workflow is run; throws what it said where it fails. */
  shell(script: string, env?: NodeJS.ProcessEnv): Promise<void>
}

/** Why GitHub starts a workflow. */
interface WorkflowEvent {
  name: string
  /** Default main. */
  branch?: string
  /** Default the head of the branch. */
  sha?: string
  payload?: object
  inputs?: object
  vars?: Record<string, string>
  environment?: NodeJS.ProcessEnv
  /** Default the company's own; another one is on the same host. */
  repository?: string
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
  /** Runs a workflow of this repository as GitHub would, in the company's. */
  start(file: string | Workflow, event: WorkflowEvent): Promise<JobRun[]>
  /** What the last workflow asked of those who would need the network. */
  asked(): string
  /** Commits what lies in a clone as a person, and pushes it to a branch. */
  push(folder: string, author: string, branch: string): void
  stop(): Promise<void>
}

const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, GITHUB_TOKEN: token, ...jobSecrets } = testSecrets
const awsSecrets = { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }

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
  const calls = join(emptyFolder(), 'calls')
  const tools = standInTools(calls)
  const clock = `--require ${resolve(import.meta.dirname, '../doubles/clock.js')}`
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
      NODE_OPTIONS: clock,
      HOME: emptyFolder(),
      KUBECONFIG: undefined,
      ...actions,
    }
    const run = (...args: string[]) => runCommand(args, { cwd: folder, env })
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

  function start(file: string | Workflow, event: WorkflowEvent): Promise<JobRun[]> {
    rmSync(calls, { force: true })
    const { name, branch = 'main', repository = github.repository } = event
    const { AWS_ENDPOINT_URL_S3, ...keys } = s3.environment
    const credentials = { ...keys, ...awsSecrets }
    const context = {
      event_name: name,
      event: { repository: { default_branch: 'main' }, ...event.payload },
      repository: 'acme/fleet',
      ref: `refs/heads/${branch}`,
      ref_name: branch,
      ...(name === 'pull_request' && { base_ref: 'main', head_ref: branch }),
      sha: event.sha ?? git(repository, 'rev-parse', `refs/heads/${branch}`),
      actor: 'ada',
      run_id: '1',
      server_url: 'https://github.example',
      token,
    }
    return runWorkflow(typeof file === 'string' ? workflowOf(file) : file, {
      contexts: {
        github: context,
        inputs: event.inputs ?? {},
        vars: {
          LLMSCALE_PREVIEW_ROLE: roleArn('preview'),
          LLMSCALE_APPLY_ROLE: roleArn('apply'),
          ...event.vars,
        },
        secrets: jobSecrets,
      },
      environment: {
        ...process.env,
        ...Object.fromEntries(Object.keys(credentials).map((key) => [key, undefined])),
        ...engineEnvironment,
        PATH: `${tools}:${engineEnvironment['PATH']}`,
        AWS_ENDPOINT_URL_S3,
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9', // whatever else is asked of AWS finds nobody there
        AWS_EC2_METADATA_DISABLED: 'true',
        KUBECONFIG: undefined,
        LLMSCALE_STAND_IN_CLOUD: cloud,
        LLMSCALE_STAND_IN_TIME: now,
        NODE_OPTIONS: clock,
        STAND_IN_WORKFLOWS: 'plan.yml active\nverify.yml active\ndashboard.yml active',
        GITHUB_API_URL: github.access.apiUrl,
        ...event.environment,
      },
      actions: actionsOf(repository, context.sha, credentials),
    })
  }

  /** Actions of others, as far as a job sees what they do. */
  function actionsOf(
    repository: string,
    sha: string,
    credentials: Record<string, string>,
  ): Runner['actions'] {
    return {
      'actions/setup-node': () => ({}),
      'actions/create-github-app-token': ({ inputs }) => {
        writeFileSync(calls, `app ${inputs['app-id']}\n`, { flag: 'a' })
        return { token }
      },
      'actions/checkout': ({ inputs: { ref = sha, 'fetch-depth': depth = '1' }, workspace }) => {
        const shallow = depth === '0' ? [] : ['--depth=1']
        git('/', 'clone', '--quiet', ...shallow, '--no-checkout', `file://${repository}`, workspace)
        git(workspace, 'fetch', '--quiet', 'origin', ref)
        git(workspace, 'checkout', '--quiet', ref)
        return {}
      },
      'aws-actions/configure-aws-credentials': ({ inputs, environment }) => {
        writeFileSync(calls, `role ${inputs['role-to-assume']}\n`, { flag: 'a' })
        Object.assign(environment, credentials)
        return {}
      },
    }
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
    start,
    asked: () => (existsSync(calls) ? readFileSync(calls, 'utf8') : ''),
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

/** Programs of a runner that would ask the network: stand-ins that say on `calls` what they were asked. */
function standInTools(calls: string): string {
  const bin = emptyFolder()
  function tool(name: string, script: string): void {
    const text = `#!/usr/bin/env bash\necho "${name} $*" >> '${calls}'\n${script}\n`
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  }
  const program = [process.execPath, ...programArgs].map((word) => `'${word}'`).join(' ')
  tool(
    'npm',
    `[ -f package-lock.json ] || { echo 'no package-lock.json'; exit 1; }
     mkdir -p node_modules/.bin && ln -s '${root}' node_modules/llmscale
     printf '#!/bin/sh\\nexec ${program.replaceAll("'", "'\\''")} "$@"\\n' > node_modules/.bin/llmscale
     chmod +x node_modules/.bin/llmscale`,
  )
  tool('aws', '')
  tool('curl', 'echo "no network: $*"; exit 7')
  // The first word after `api` is the path; STAND_IN_WORKFLOWS has a line `<file> <state> <last run>` each.
  tool(
    'gh',
    `read -r _ state last <<< "$(grep "^$(basename "\${2%/runs*}") " <<< "$STAND_IN_WORKFLOWS")"
     case "$2" in */runs*) echo "$last";; *) echo "$state";; esac`,
  )
  return bin
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
