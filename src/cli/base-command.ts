import { Command, Flags } from '@oclif/core'
import { exitCodes, LlmscaleError, type Warning } from '../kit/errors.js'

/**
 * Every command's base: global flags, the JSON envelope, warnings and exit codes. A command parses its flags,
 * calls one use case and returns a plain value; under `--json` that value is the envelope's `result`.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    config: Flags.string({
      description: 'Path of llmscale.yaml.',
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

  protected readonly warnings: Warning[] = []

  /** Under `--json` a falsy result would print nothing, hence an object. */
  abstract override run(): Promise<object>

  /** Keeps a warning for the envelope and shows it on stderr. */
  protected note(warning: Warning): void {
    this.warnings.push(warning)
    if (!this.jsonEnabled()) process.stderr.write(`Warning: ${warning.message}\n`)
  }

  protected override toSuccessJson(result: unknown): object {
    return { status: process.exitCode ?? 0, result, warnings: this.warnings }
  }

  protected override async catch(error: Error & { exitCode?: number }): Promise<void> {
    const known = error instanceof LlmscaleError
    process.exitCode = known ? error.exitCode : exitCodes.bug
    const code = known ? error.code : 'BUG'
    const tryThis = known ? error.tryThis : []
    if (this.jsonEnabled()) {
      this.logJson({
        status: process.exitCode,
        error: { code, message: error.message, tryThis },
        warnings: this.warnings,
      })
    } else {
      process.stderr.write(
        `Error: ${error.message}\n${tryThis.map((line) => `Try this: ${line}\n`).join('')}`,
      )
    }
  }
}
