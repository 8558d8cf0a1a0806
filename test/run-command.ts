import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { run } from '@oclif/core/run'
import { settings } from '@oclif/core/settings'
import { type CliRun, isFromSource, runCli } from './run-cli.js'
import { refuseSecrets } from './secrets.js'

const { setClock }: { setClock: (time: string) => () => void } = createRequire(import.meta.url)(
  './doubles/clock.js',
)
const root = resolve(import.meta.dirname, '..')
settings.enableAutoTranspile = false // as the program does

let before: Promise<unknown> = Promise.resolve()

/**
 * Runs a command of the compiled program in this process, after the one before, with a folder, an environment, a
 * clock and an exit code of its own: as `runCli`, without the second of a core that a new process takes to load it. It
 * is not for commands that listen, are to be stopped, ask a terminal or run beside each other.
 */
export function runCommand(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<CliRun> {
  if (isFromSource) return runCli(args, options)
  const result = before.then(() => runHere(args, options))
  before = result.catch(() => undefined)
  return result
}

async function runHere(
  args: string[],
  { cwd = root, env: more = {} }: { cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<CliRun> {
  const [folder, environment, exitCode] = [process.cwd(), { ...process.env }, process.exitCode]
  const env = { ...environment, ...more }
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)]
  const { LLMSCALE_STAND_IN_TIME: time } = env
  const resetClock = time === undefined ? () => undefined : setClock(time)
  try {
    process.chdir(cwd)
    replaceEnvironment(env)
    process.exitCode = 0
    await run(args, root)
    const result = { code: Number(process.exitCode), stdout: stdout.text(), stderr: stderr.text() }
    refuseSecrets(result.stdout + result.stderr, `what llmscale ${args.join(' ')} prints`, env)
    return result
  } finally {
    resetClock()
    for (const output of [stdout, stderr]) output.stop()
    replaceEnvironment(environment)
    process.exitCode = exitCode
    process.chdir(folder)
  }
}

/** Keeps what is written instead of writing it. */
function capture(stream: NodeJS.WriteStream): { text: () => string; stop: () => void } {
  const { write } = stream
  let text = ''
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    const done = rest.at(-1)
    if (typeof done === 'function') done()
    return true
  }) as typeof write
  return {
    text: () => text,
    stop: () => {
      stream.write = write
    },
  }
}

/** In place: what is native, as the home folder, reads the environment of the process itself. */
function replaceEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name]
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && process.env[name] !== value) process.env[name] = value
}
