import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { emptyFolder } from '../../run-cli.js'
import { eventually } from '../eventually.js'
import { startGuarded } from '../guarded-process.js'

const root = resolve(import.meta.dirname, '../../..')

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Writes its process id and waits to be ended; `stubborn` takes no request to end. */
const program = (trap: string) => ['-c', `${trap} echo $$; while :; do sleep 1; done`]
const readPid = (log: () => string) =>
  eventually('a process id', async () => Number(/^\d+$/m.exec(log())?.[0]) || undefined)

describe('a guarded process', () => {
  it('ends when asked, by force where it does not listen', async () => {
    for (const trap of ['', "trap '' TERM;"]) {
      const guarded = startGuarded('sh', program(trap), { logFile: join(emptyFolder(), 'log') })
      const pid = await readPid(guarded.log)
      expect(isRunning(pid)).toBe(true)
      await guarded.stop()
      expect(isRunning(pid)).toBe(false)
    }
  })

  it('gives its exit code, and what it wrote', async () => {
    const guarded = startGuarded('sh', ['-c', 'echo no >&2; exit 3'], { logFile: join(emptyFolder(), 'log') })
    expect(await eventually('an exit code', async () => guarded.exitCode ?? undefined)).toBe(3)
    expect(guarded.log()).toBe('no\n')
    await guarded.stop()
  })

  it('ends, and its folder goes, when whoever started it is killed', async () => {
    const folder = emptyFolder()
    const [command, ...args] = ['sh', ...program('')]
    const options = { logFile: join(folder, 'log'), removeFolder: folder }
    const owner = spawn(
      process.execPath,
      [
        ...['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), '--input-type=module', '--eval'],
        `import { startGuarded } from '${join(root, 'test/cluster/guarded-process.ts')}'
         const guarded = startGuarded(${JSON.stringify(command)}, ${JSON.stringify(args)}, ${JSON.stringify(options)})
         setInterval(() => console.log(guarded.log()), 100)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let written = ''
    owner.stdout.on('data', (chunk) => (written += chunk))
    const pid = await readPid(() => written)
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    await eventually('the process is gone', async () => !isRunning(pid) || undefined)
    await eventually('the folder is gone', async () => !existsSync(folder) || undefined)
  })
})
