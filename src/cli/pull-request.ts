import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
const Event = z.object({ pull_request: z.object({ number: z.int().min(1) }) })

/** The pull request that a workflow runs for. Throws `usage` PULL_REQUEST_NEEDED where it runs for none. */
export async function pullRequestOfRun(): Promise<number> {
  const { GITHUB_EVENT_PATH: path } = process.env
  const event = path === undefined ? undefined : await readEvent(path)
  if (event !== undefined) return event.pull_request.number
  throw new LlmscaleError(
    'usage',
    'PULL_REQUEST_NEEDED',
    path === undefined
      ? 'GITHUB_EVENT_PATH is not set: this is no run for a pull request'
      : `GITHUB_EVENT_PATH ${path} is no event of a pull request`,
    ['Name it with --pull-request.'],
  )
}

async function readEvent(path: string): Promise<z.infer<typeof Event> | undefined> {
  try {
    return Event.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
