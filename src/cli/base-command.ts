import { Command, Flags } from '@oclif/core'
import type { Warning } from '../kit/errors.js'
import { printable } from '../kit/printable.js'
import { describeFailure, printFailure } from './failure.js'

const clearLine = '\r\x1b[K'

/**
 * Every command's base: global flags, the JSON envelope, warnings, progress and exit codes. A command parses its
 * flags, calls one use case and returns a plain value; under `--json` that value is the envelope's `result`.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    config: Flags.string({
      description: 'Path of llmscale.yaml.',
      env: 'LLMSCALE_CONFIG',
      default: 'llmscale.yaml',
      helpGroup: 'GLOBAL',
    }),
    env: Flags.string({
      description: 'Environment; default the only one.',
      helpGroup: 'GLOBAL',
      env: 'LLMSCALE_ENV',
    }),
    quiet: Flags.boolean({ description: 'No progress and no hints on stderr.', helpGroup: 'GLOBAL' }),
    'no-color': Flags.boolean({ description: 'No colour (also NO_COLOR).', helpGroup: 'GLOBAL' }),
  }

  readonly warnings: Warning[] = []
  private statusShown = false

  /** Under `--json` a falsy result would print nothing, hence an object. */
  abstract override run(): Promise<object>

  protected override async init(): Promise<void> {
    await super.init()
    if (this.argv.includes('--no-color')) process.env['NO_COLOR'] = '1'
  }

  /** Keeps a warning for the envelope and shows it on stderr. */
  note(warning: Warning): void {
    this.warnings.push(warning)
    if (!this.jsonEnabled()) this.writeChatter(`Warning: ${warning.message}`)
  }

  /** What the user may do next, on stderr; silent under `--quiet` and `--json`. */
  hint(text: string): void {
    if (!this.isQuiet()) this.writeChatter(text)
  }

  /** Says on one line of a terminal's stderr what is going on; the next text replaces it. Silent when piped. */
  progress(text: string): void {
    if (this.isQuiet() || !process.stderr.isTTY) return
    const width = process.stderr.columns - 1
    process.stderr.write(`${clearLine}${text.length > width ? `${text.slice(0, width - 1)}…` : text}`)
    this.statusShown = true
  }

  override log(message = ''): void {
    this.clearProgress()
    super.log(printable(message))
  }

  override logJson(json: unknown): void {
    this.clearProgress()
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }

  protected override toSuccessJson(result: unknown): object {
    return { status: process.exitCode ?? 0, result, warnings: this.warnings }
  }

  protected override async catch(error: Error): Promise<void> {
    this.clearProgress()
    this.parsed = true // else oclif reminds us to parse, beside the error that parsing has raised
    const failure = describeFailure(error, {
      name: `${this.config.bin} ${this.id?.replaceAll(':', ' ')}`,
      flags: Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags, json: true }),
    })
    process.exitCode = failure.status
    if (this.jsonEnabled()) {
      const { status, ...described } = failure
      this.logJson({ status, error: described, warnings: this.warnings })
    } else printFailure(failure)
  }

  protected override async finally(): Promise<void> {
    this.clearProgress()
  }

  private isQuiet(): boolean {
    return this.argv.includes('--quiet') || this.jsonEnabled()
  }

  private writeChatter(text: string): void {
    this.clearProgress()
    process.stderr.write(`${printable(text)}\n`)
  }

  private clearProgress(): void {
    if (this.statusShown) process.stderr.write(clearLine)
    this.statusShown = false
  }
}
