import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { CronWindow } from '../../../src/manifests/cron-window.js'
import { tierFolder } from '../tiers.js'

/** A window, and the minutes at which to look at it. */
export interface CronQuestion {
  window: Pick<CronWindow, 'start' | 'end'>
  timeZone: string
  /** Unix seconds. */
  from: number
  minutes: number
}

/**
 * Whether KEDA's own cron scaler has a window on at each minute, a text of 1 and 0 for each question
 * (tools/cluster/keda/cron). Throws what the scaler says of a window that it refuses.
 */
export function askKeda(questions: readonly CronQuestion[]): string[] {
  const input = questions.map(({ window: { start, end }, timeZone, from, minutes }) =>
    JSON.stringify({ timezone: timeZone, start, end, from, minutes }),
  )
  const { error, status, stdout } = spawnSync(join(tierFolder('keda'), 'keda-cron'), {
    input: input.join('\n'),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`KEDA refused a window: ${stdout}`)
  return stdout.trimEnd().split('\n')
}
