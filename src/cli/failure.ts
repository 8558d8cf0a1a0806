import { CLIError } from '@oclif/core/errors'
import { exitCodes, LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { printable } from '../kit/printable.js'
import { findSecretValues, maskText } from '../kit/secret-forms.js'

/** A failed command as the shell and the JSON envelope see it. */
export interface Failure {
  status: number
  code: string
  message: string
  tryThis: string[]
}

/** What a wrong command line is compared with. */
interface CommandLine {
  /** As people type it: `llmscale metrics check`. */
  name: string
  /** Known flags without dashes. */
  flags: string[]
}

/**
 * An expected failure keeps its reason, a wrong command line is a usage error, anything else is our bug. Messages repeat
 * what others wrote: secrets in it are masked.
 */
export function describeFailure(error: Error, commandLine: CommandLine): Failure {
  const failure = classifyFailure(error, commandLine)
  return { ...failure, message: maskText(failure.message, findSecretValues(process.env)) }
}

function classifyFailure(error: Error, commandLine: CommandLine): Failure {
  if (error instanceof LlmscaleError) {
    const { exitCode: status, code, message, tryThis } = error
    return { status, code, message: withoutFrame(message), tryThis }
  }
  if (error instanceof CLIError) return describeUsageError(error, commandLine)
  if (process.env['DEBUG']) process.stderr.write(`${error.stack}\n`)
  return {
    status: exitCodes.bug,
    code: 'BUG',
    message: `This is a bug in llmscale: ${error.message}`,
    tryThis: ['Run it again with DEBUG=1 and report the stack that it prints.'],
  }
}

function describeUsageError(error: CLIError & { flags?: string[] }, { name, flags }: CommandLine): Failure {
  const suggestions = (error.flags ?? []).flatMap((flag) => {
    const near = nearestName(flag.replace(/^-+|=.*$/g, ''), flags)
    return near === undefined ? [] : [`Did you mean --${near}?`]
  })
  return {
    status: exitCodes.usage,
    code: 'USAGE',
    message: withoutFrame(error.message),
    tryThis: [...suggestions, `${name} --help`],
  }
}

/** oclif puts lines around what it and the parsers of our flags say; the name of the flag is in it already. */
function withoutFrame(message: string): string {
  return message
    .replace(/\n*See more help with --help$/, '')
    .replace(/^Parsing --\S+ \n\t/, '')
    .replace(/^The following errors? occurred:\n\s*/, '')
}

export function printFailure({ message, tryThis }: Failure): void {
  const lines = [`Error: ${message}`, ...tryThis.map((line) => `Try this: ${line}`)]
  process.stderr.write(printable(`${lines.join('\n')}\n`))
}
