import { createInterface } from 'node:readline/promises'
import { LlmscaleError } from '../kit/errors.js'

/** Asks on the terminal; anything but `yes` stops. Throws `approvalMissing` NOT_CONFIRMED, also without a terminal. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new LlmscaleError('approvalMissing', 'NOT_CONFIRMED', `${question} Nobody can be asked here.`, [
      'Add --yes, or set environments.<env>.approval to git or github in llmscale.yaml.',
    ])
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} Only yes is taken for an answer: `)
    if (answer.trim() !== 'yes')
      throw new LlmscaleError('approvalMissing', 'NOT_CONFIRMED', 'Nothing was deployed.')
  } finally {
    terminal.close()
  }
}
