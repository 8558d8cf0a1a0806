import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

/** Runs this benchmark again with other arguments, in a process of its own; gives the JSON that it prints. */
export function runAlone<T>(...args: string[]): Promise<T> {
  const child = spawn(process.execPath, [...process.execArgv, resolve(process.argv[1]!), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  return new Promise((done, fail) =>
    child.on('close', (code) =>
      code === 0 ? done(JSON.parse(text) as T) : fail(new Error(`${args.join(' ')} exits ${code}`)),
    ),
  )
}
