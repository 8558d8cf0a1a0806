import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { refuseSecrets } from './secrets.js'

export interface CliRun {
  code: number
  stdout: string
  stderr: string
}

const root = resolve(import.meta.dirname, '..')
/** Whether the TypeScript sources are run; else the compiled program, as users have it. */
export const isFromSource = process.env['LLMSCALE_TEST_SOURCE'] === '1'
/** Arguments of node. */
export const programArgs = isFromSource
  ? ['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), join(root, 'bin/dev.js')]
  : [join(root, 'bin/run.js')]

/** Runs `llmscale` as a process of its own; fails where it prints a secret. */
export async function runCli(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<CliRun> {
  const env = { ...process.env, ...options.env }
  const run = await startCli(args, options.cwd ?? root, env)
  refuseSecrets(run.stdout + run.stderr, `what llmscale ${args.join(' ')} prints`, env)
  return run
}

function startCli(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<CliRun> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [...programArgs, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', fail)
    child.on('close', (code) => done({ code: code ?? -1, stdout, stderr }))
  })
}

/** An empty folder for one test. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'llmscale-test-'))
}
