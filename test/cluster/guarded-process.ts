import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** A program that ends with this process, however this process ends. */
export interface GuardedProcess {
  /** Exit code once it has ended. */
  readonly exitCode: number | null
  /** The end of what it wrote. */
  log(): string
  /** Ends it, by force after five seconds. */
  stop(): Promise<void>
}

/**
 * The guard reads a pipe that only this process holds open. When it closes, by `stop` or because this process is
 * gone, the guard ends its program, and then removes the folder that it was given.
 */
const guard = `
folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ cat <&3 >/dev/null; kill "$program"; sleep 5; kill -9 "$program"; } 2>/dev/null &
watch=$!
exec 3<&-
wait "$program"
code=$?
kill "$watch" 2>/dev/null
[ -z "$folder" ] || rm -rf "$folder"
exit "$code"
`

/** Starts a program under a guard, in a session of its own; what it writes goes to `logFile`. */
export function startGuarded(
  command: string,
  args: readonly string[],
  {
    logFile,
    environment = {},
    removeFolder = '',
  }: { logFile: string; environment?: NodeJS.ProcessEnv; removeFolder?: string },
): GuardedProcess {
  const log = openSync(logFile, 'a')
  const child = spawn('sh', ['-c', guard, 'guard', removeFolder, command, ...args], {
    stdio: ['pipe', log, log],
    env: { ...process.env, ...environment },
    detached: true,
  })
  closeSync(log)
  return {
    get exitCode() {
      return child.exitCode
    },
    log: () => readFileSync(logFile, 'utf8').slice(-2000),
    stop: async () => {
      if (child.exitCode !== null) return
      const exit = once(child, 'exit')
      child.stdin?.end()
      await exit
    },
  }
}
