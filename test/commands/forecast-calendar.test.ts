import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const folder = emptyFolder()
const start = Date.parse('2025-04-07T00:00:00Z') / 1000

interface Answer {
  result: { notes: string[]; events?: { label: string }[]; masked?: { label: string }[] }
  warnings: { code: string; message: string }[]
}

async function forecast(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await runCommand(['forecast', ...args, '--horizon', '3d', '--json'], {
    cwd: folder,
  })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Answer
}

function writeConfig(events: string, more = ''): void {
  writeFileSync(
    join(folder, 'llmscale.yaml'),
    configText(undefined, `forecast: {events: events.yaml${more}}\n`),
  )
  writeFileSync(join(folder, 'events.yaml'), events)
}

beforeAll(() => {
  const demand = noisyDemand('chat-70b', 22, 5)
  // Four hours of five times as many requests, of short answers, on a Tuesday.
  for (let step = 13 * 24 + 9; step < 13 * 24 + 13; step++) {
    demand.requests[step]! *= 5
    demand.inputTokens[step]! *= 5
  }
  writeFileSync(join(folder, 'demand.csv'), demandCsv({ ...historyOf([demand]), start }))
})

describe('llmscale forecast with a calendar', () => {
  it('says what is dated ahead, what was left out, and what was no demand', async () => {
    writeConfig(
      `events:
  - {name: sale, kind: campaign, start: 2025-04-30T08:00:00Z, duration: 6h, multiplier: 2}
  - {name: fair, kind: campaign, start: 2025-04-14T08:00:00Z, duration: 6h, multiplier: 2}
`,
      ', holidays: [DE]',
    )
    const { result, warnings } = await forecast()
    const notes = result.notes.join('\n')
    expect(notes).toContain('6 steps of fair (campaign of 2025-04-14T08:00:00Z) are not learned')
    expect(notes).toContain('sale (campaign, 2025-04-30T08:00:00Z) multiplies demand by up to 2.')
    expect(notes).toMatch(/2025-05-01 \(.*, DE\) is forecast between a Sunday and the holidays before it/)
    const masked = warnings.filter(({ code }) => code === 'ANOMALY_MASKED')
    expect(masked.map(({ message }) => message).join('\n')).toMatch(
      /chat-70b\/us-east-1: 2025-04-20 0\d:00 to 2025-04-20 1\d:00 UTC looks like .* and is not learned: requests .* usual/,
    )

    const show = (await forecast('show', 'chat-70b', '--past', '21d')).result
    expect(show.events!.map(({ label }) => label)).toEqual(expect.arrayContaining(['fair', 'sale']))
    expect(show.masked!.length).toBeGreaterThan(0)
  })

  it('learns everything where the configuration says so', async () => {
    writeConfig('events: []\n', ', anomalies: learn')
    const { warnings } = await forecast()
    expect(warnings.filter(({ code }) => code === 'ANOMALY_MASKED')).toEqual([])
  })

  it('names file, line and field of what is wrong', async () => {
    const failure = async () => {
      const { code, stderr } = await runCommand(['forecast'], { cwd: folder })
      expect(code).toBe(3)
      return stderr
    }
    writeConfig('events:\n  - {name: x, kind: launch, start: soon, multiplier: 2}\n')
    expect((await failure()).replace(/\s+/g, ' ')).toMatch(
      /events\.yaml:2:\d+ events\[0\]\.start: "soon" is not a time/,
    )
    writeConfig('events: []\n', ', holidays: [XX]')
    expect(await failure()).toContain('no calendar of XX is known')
    writeFileSync(join(folder, 'llmscale.yaml'), configText(undefined, 'forecast: {events: none.yaml}\n'))
    expect((await failure()).replace(/\s+/g, ' ')).toContain('none.yaml does not exist')
  })
})
