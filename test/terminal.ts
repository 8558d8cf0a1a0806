import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { programArgs } from './run-cli.js'
import { refuseSecrets } from './secrets.js'

const openTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
/** Longer than any run of a test; a terminal that nobody answers would stay for ever. */
const longestMilliseconds = 300_000

export interface TerminalRun {
  /** Waits until the screen shows a text. */
  shows(text: string): Promise<void>
  /** Types keys: `\r` is the return key, `\x03` Ctrl-C. */
  type(keys: string): void
  /** The end of the run, with all that the screen has shown: a terminal mixes stdout and stderr. */
  end: Promise<{ code: number; screen: string }>
}

/** Runs `llmscale` in a pseudo-terminal, which the pty module of Python makes: Node can make none. */
export function runOnTerminal(
  args: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): TerminalRun {
  const command = ['sh', '-c', 'stty columns 200; exec "$0" "$@"', process.execPath, ...programArgs, ...args]
  const env = { ...process.env, TERM: 'dumb', ...options.env }
  const child = spawn('python3', ['-c', openTerminal, ...command], {
    cwd: options.cwd,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: longestMilliseconds,
  })
  let screen = ''
  let isRunning = true
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (screen += text))
  child.stdin.on('error', () => undefined)
  const closed = new Promise<number>((done, fail) => {
    child.on('error', fail)
    child.on('close', (code) => {
      isRunning = false
      done(code ?? -1)
    })
  })
  const end = closed.then((code) => {
    refuseSecrets(screen, `what llmscale ${args.join(' ')} shows`, env)
    return { code, screen: screen.replaceAll('\r\n', '\n') }
  })
  return {
    shows: async (text) => {
      while (!screen.includes(text)) {
        if (!isRunning) throw new Error(`the run ended before it showed ${text}:\n${screen}`)
        await sleep(50)
      }
    },
    type: (keys) => void child.stdin.write(keys),
    end,
  }
}
