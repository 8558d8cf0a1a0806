import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { captureOutput } from '@oclif/test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BaseCommand } from '../../src/cli/base-command.js'
import { FailureEnvelope, SuccessEnvelope } from '../../src/cli/envelope.js'
import { type ExitReason, exitCodes, LlmscaleError } from '../../src/kit/errors.js'
import { emptyFolder, programArgs } from '../run-cli.js'

/** Runs a command of the given body in this process. */
async function run(body: (command: Probe) => object | Promise<object>, args: string[] = []) {
  Probe.body = body
  process.exitCode = 0
  const { stdout, stderr } = await captureOutput(() => Probe.run(args, process.cwd()), { stripAnsi: false })
  return { code: process.exitCode, stdout, stderr }
}

class Probe extends BaseCommand {
  static body: (command: Probe) => object | Promise<object>
  override async run(): Promise<object> {
    await this.parse(Probe)
    return Probe.body(this)
  }
  override note = super.note
  override hint = super.hint
  override progress = super.progress
}

let exitCodeBefore: typeof process.exitCode
beforeEach(() => {
  exitCodeBefore = process.exitCode
})
afterEach(() => {
  process.exitCode = exitCodeBefore
})

describe('a command that succeeds', () => {
  const body = (command: Probe) => {
    command.log('the result')
    command.note({ code: 'OLD', message: 'Prices are old.' })
    command.hint('Next: sleep')
    command.progress('working')
    return { replicas: 0 }
  }

  it('prints its result, warnings and hints; progress only on a terminal', async () => {
    expect(await run(body)).toEqual({
      code: 0,
      stdout: 'the result\n',
      stderr: 'Warning: Prices are old.\nNext: sleep\n',
    })
  })

  it('keeps warnings but no hints under --quiet', async () => {
    expect((await run(body, ['--quiet'])).stderr).toBe('Warning: Prices are old.\n')
  })

  it('puts result and warnings into the envelope under --json', async () => {
    const { stdout, stderr } = await run(body, ['--json'])
    expect(stderr).toBe('')
    expect(SuccessEnvelope.parse(JSON.parse(stdout))).toEqual({
      status: 0,
      result: { replicas: 0 },
      warnings: [{ code: 'OLD', message: 'Prices are old.' }],
    })
  })
})

describe('progress on a terminal', () => {
  const before = Object.getOwnPropertyDescriptors(process.stderr)
  beforeEach(() => {
    Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true, writable: true })
    Object.defineProperty(process.stderr, 'columns', { value: 20, configurable: true, writable: true })
  })
  afterEach(() => {
    for (const key of ['isTTY', 'columns'] as const) {
      const descriptor = before[key]
      if (descriptor === undefined) Reflect.deleteProperty(process.stderr, key)
      else Object.defineProperty(process.stderr, key, descriptor)
    }
  })
  const body = (command: Probe) => {
    command.progress('Reading demand')
    command.progress('Forecasting the whole fleet')
    command.note({ code: 'OLD', message: 'Prices are old.' })
    return {}
  }

  it('is one line that the next text or any output replaces, and that never wraps', async () => {
    const { stderr } = await run(body)
    const lines = stderr.split('\r\x1b[K')
    expect(lines).toEqual(['', 'Reading demand', 'Forecasting the wh…', 'Warning: Prices are old.\n'])
  })

  it('is silent under --quiet and --json', async () => {
    expect((await run(body, ['--quiet'])).stderr).toBe('Warning: Prices are old.\n')
    expect((await run(body, ['--json'])).stderr).toBe('')
  })
})

describe('a command that fails', () => {
  it.each(Object.keys(exitCodes).filter((reason) => reason !== 'done') as ExitReason[])(
    'exits with the code of its reason, with and without --json: %s',
    async (reason) => {
      const body = (command: Probe) => {
        command.note({ code: 'OLD', message: 'Prices are old.' })
        throw new LlmscaleError(reason, 'SOME_CODE', 'It failed.', ['Another way.'])
      }
      expect(await run(body)).toEqual({
        code: exitCodes[reason],
        stdout: '',
        stderr: 'Warning: Prices are old.\nError: It failed.\nTry this: Another way.\n',
      })
      const { code, stdout, stderr } = await run(body, ['--json'])
      expect({ code, stderr }).toEqual({ code: exitCodes[reason], stderr: '' })
      expect(FailureEnvelope.parse(JSON.parse(stdout))).toEqual({
        status: exitCodes[reason],
        error: { code: 'SOME_CODE', message: 'It failed.', tryThis: ['Another way.'] },
        warnings: [{ code: 'OLD', message: 'Prices are old.' }],
      })
    },
  )

  it('is a bug for any other error, whose stack shows only with DEBUG', async () => {
    const body = () => {
      throw new TypeError('x is not a function')
    }
    const { code, stderr } = await run(body)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: This is a bug in llmscale: x is not a function\nTry this: .*DEBUG=1/)
    expect(stderr).not.toMatch(/^ +at /m)
    process.env['DEBUG'] = 'none'
    try {
      expect((await run(body)).stderr).toMatch(/^TypeError: x is not a function\n +at /)
    } finally {
      delete process.env['DEBUG']
    }
  })
})

describe('an interrupt', () => {
  const root = pathToFileURL(process.cwd()).href

  /** Runs a module that signals itself. */
  function runModule(code: string): Promise<{ code: number | null; signal: string | null }> {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return new Promise((done) => child.on('close', (code, signal) => done({ code, signal })))
  }

  it('in the middle of a write exits 130 and leaves neither a part nor the file', async () => {
    const folder = emptyFolder()
    const interrupted = await runModule(`
      import { readdirSync } from 'node:fs'
      import { writeFileWhole } from '${root}/src/delivery/files.ts'
      const timer = setInterval(() => {
        if (!readdirSync('${folder}').some((name) => name.endsWith('.part'))) return
        clearInterval(timer)
        process.kill(process.pid, 'SIGINT')
      }, 0)
      await writeFileWhole('${folder}/plan.yaml', Buffer.alloc(256e6))
      throw new Error('written before the signal')`)
    expect(interrupted).toEqual({ code: 130, signal: null })
    expect(readdirSync(folder)).toEqual([])
  })

  it('elsewhere ends the process at once, by the signal itself: 130 in a shell', async () => {
    const interrupted = await runModule(`
      import { onInterrupt } from '${root}/src/kit/interrupt.ts'
      onInterrupt(() => {})()
      process.kill(process.pid, 'SIGINT')
      for (;;);`)
    expect(interrupted).toEqual({ code: null, signal: 'SIGINT' })
  })
})

describe('a reader that goes away', () => {
  it('is no error', async () => {
    const folder = emptyFolder()
    const args = [...programArgs, 'init', '--quiet', '--dir', folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    const code = await new Promise((done) => child.on('close', done))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(readdirSync(folder).sort()).toEqual(['.gitignore', 'Pulumi.yaml', 'llmscale.yaml'])
  })
})
