import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCalendar, readEventsText } from '../../src/cli/calendar.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { openRevision } from '../../src/delivery/revision.js'
import { git } from '../delivery/state-places.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'

const history = historyOf([noisyDemand('chat-70b', 2, 1)])
const config = parseConfig(configText(undefined, 'forecast: {events: events.yaml}\n'), 'llmscale.yaml')
const event = (multiplier: number) =>
  `events:\n  - {name: sale, kind: campaign, start: 2026-03-18T06:00:00Z, duration: 8h, multiplier: ${multiplier}}\n`

describe('readCalendar', () => {
  it('reads events from the work tree, or as they were at a commit', async () => {
    const folder = emptyFolder()
    const configPath = join(folder, 'llmscale.yaml')
    git(folder, 'init', '--quiet', '--initial-branch=main')
    const commit = () => {
      git(folder, 'add', '--all')
      git(folder, '-c', 'user.name=ana', '-c', 'user.email=ana@acme.example', 'commit', '--quiet', '-m', 'x')
    }
    for (const text of ['# nothing yet\n', event(2), event(3)]) {
      writeFileSync(join(folder, text.startsWith('#') ? 'README.md' : 'events.yaml'), text)
      commit()
    }
    writeFileSync(join(folder, 'events.yaml'), event(4))
    const placeOf = async (name?: string) => ({
      configPath,
      revision: name === undefined ? undefined : await openRevision(folder, name),
    })
    const multiplierAt = async (name?: string) =>
      (await readCalendar(config, await placeOf(name), history, 86_400))?.events[0]?.multiplier
    expect(await multiplierAt()).toBe(4)
    expect(await multiplierAt('main')).toBe(3)
    expect(await multiplierAt('main~1')).toBe(2)
    expect(await readEventsText(config, await placeOf('main~1'))).toContain('multiplier: 2')
    expect(await readEventsText(config, await placeOf('main~2'))).toBeUndefined()
    await expect(multiplierAt('main~2')).rejects.toMatchObject({
      code: 'EVENTS_MISSING',
      message: 'main~2:events.yaml does not exist',
    })
  })
})
