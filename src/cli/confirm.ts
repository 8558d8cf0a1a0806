import { createInterface } from 'node:readline/promises'
import { LlmscaleError } from '../kit/errors.js'

/**
 * Asks on the terminal; anything but `yes` stops. Throws `approvalMissing` NOT_CONFIRMED, also without a terminal, and
 * `interrupted` at Ctrl-C: a terminal that waits for a line gives it to the reader, not as a signal.
 * @param withoutQuestion what to do where there is no terminal
 */
export async function confirm(question: string, withoutQuestion: string[]): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new LlmscaleError(
      'approvalMissing',
      'NOT_CONFIRMED',
      `${question} Nobody can be asked here.`,
      withoutQuestion,
    )
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const interrupt = new AbortController()
  terminal.once('SIGINT', () => interrupt.abort())
  try {
    const asked = `${question} Only yes is taken for an answer: `
    const answer = await terminal.question(asked, interrupt).catch(() => '')
    if (interrupt.signal.aborted)
      throw new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted. Nothing was changed.')
    if (answer.trim() !== 'yes')
      throw new LlmscaleError('approvalMissing', 'NOT_CONFIRMED', 'Nothing was changed.')
  } finally {
    terminal.close()
  }
}
