import type { Hook } from '@oclif/core'
import { exitCodes } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { type Failure, printFailure } from './failure.js'

/** A mistyped command: the nearest one is suggested, and `--json` is answered in the envelope as everywhere. */
const commandNotFound: Hook<'command_not_found'> = async ({ id, argv = [], config }) => {
  // With spaces as separators oclif takes every word before the first flag for a part of the command's name.
  const words = id.split(':')
  const prefixes = words.map((_, index) => words.slice(0, words.length - index).join(' '))
  const commands = config.commandIDs.map((known) => known.replaceAll(':', ' '))
  const command = prefixes.find((prefix) => commands.includes(prefix))
  const near = command ?? prefixes.map((prefix) => nearestName(prefix, commands)).find((name) => name)
  const rest = words
    .join(' ')
    .slice((command ?? '').length)
    .trim()
  const failure: Failure = {
    status: exitCodes.usage,
    code: 'COMMAND_UNKNOWN',
    message:
      command === undefined
        ? `${config.bin} has no command ${JSON.stringify(rest)}.`
        : `${config.bin} ${command} takes no argument ${JSON.stringify(rest)}.`,
    tryThis: [...(near === undefined ? [] : [`${config.bin} ${near}`]), `${config.bin} --help`],
  }
  process.exitCode = failure.status
  if (argv.includes('--json') || id === '--json') {
    const { status, ...error } = failure
    process.stdout.write(`${JSON.stringify({ status, error, warnings: [] }, null, 2)}\n`)
  } else printFailure(failure)
}

export default commandNotFound
