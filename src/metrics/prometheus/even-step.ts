import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'

const usualSteps = [60, 120, 300, 600, 900, 1800, 3600]

/** Answers are kept by day, so a step must divide one. Throws `badData`, STEP_UNEVEN. */
export function requireEvenStep(stepSeconds: number): number {
  if (Number.isInteger(secondsPerDay / stepSeconds) && Number.isInteger(stepSeconds)) return stepSeconds
  throw new LlmscaleError(
    'badData',
    'STEP_UNEVEN',
    `a day does not divide into steps of ${formatDuration(stepSeconds)}, as reading from a Prometheus needs`,
    [`Use ${usualSteps.map(formatDuration).join(', ')}.`],
  )
}

/** `increase` extrapolates over what two scrapes leave out; so many in a step make that small. */
export const scrapesPerStep = 4

/** The finest usual step that holds enough scrapes. */
export function suggestStep(scrapeSeconds: number): string {
  const enough = usualSteps.find((step) => step >= scrapesPerStep * scrapeSeconds)
  return formatDuration(enough ?? secondsPerDay)
}
