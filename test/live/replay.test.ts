import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openReplay, refreshSettings } from '../../src/cli/live-project.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { secondsPerHour } from '../../src/kit/units.js'
import { fitHere } from '../../src/live/fit-models.js'
import { judgeWorkloads } from '../../src/live/live-state.js'
import { createRefresher, settleSeconds } from '../../src/live/refresh.js'
import { replayCsv, replayExporter } from '../../src/live/replay.js'
import { tableCsv } from '../../src/metrics/table-csv.js'
import { emptyFolder } from '../run-cli.js'
import { day, demandTable, everySeconds, liveConfigText, livePlan, readingOf } from './live-fixture.js'

// A file from which a live run and a replay read.
const folder = emptyFolder()
const configPath = join(folder, 'llmscale.yaml')
const plan = livePlan()
const from = day + 7 * secondsPerHour
const until = day + 9 * secondsPerHour
mkdirSync(folder, { recursive: true })
const file = join(folder, 'demand.csv')
writeFileSync(file, [...tableCsv(demandTable(until))].join(''))
const config = parseConfig(liveConfigText(), configPath)
const project = {
  config,
  configPath,
  environment: 'prod',
  settings: config.environments['prod']!,
  folder,
  clone: undefined,
}

describe('a replay', async () => {
  const { history, readDemand } = await openReplay(project, file)
  const replayed = await replayExporter({
    config,
    environment: 'prod',
    everySeconds,
    plan,
    readDemand,
    history,
    from,
  })
  const [workload] = replayed.workloads

  it('decides what a live run over the same data decides', async () => {
    const source = { place: 'x', read: async () => readingOf(plan) }
    const settings = { ...refreshSettings(project, source), fitModels: fitHere }
    let compared = 0
    for (const decision of workload!.decisions) {
      if ((decision.time - settleSeconds) % 3600 !== 0) continue
      const at = { now: decision.time, monotone: decision.time }
      // A process that begins now.
      const live = await createRefresher(settings, at)
      await live.refresh(at)
      const [status] = judgeWorkloads(live.snapshot(), at, everySeconds)
      expect([status!.floor, status!.template, status!.state]).toEqual([
        decision.floor,
        decision.template,
        decision.state,
      ])
      expect(status!.forecast!.floor).toBe(decision.live)
      compared++
    }
    expect(compared).toBe(3)
  })

  it('has replicas ready before the ramp, which the trigger alone has not', () => {
    const { scores } = workload!
    expect(scores.live.lateShare).toBeLessThan(0.3 * scores.reactive.lateShare)
    expect(scores.plan.lateShare).toBeLessThanOrEqual(scores.live.lateShare)
  })

  it('is written as a row for each decision', () => {
    const [head, ...rows] = [...replayCsv(replayed)].join('').trimEnd().split('\n')
    expect(head).toBe('time,workload,template,live,floor,ready,load,state,reason')
    expect(rows).toHaveLength(workload!.decisions.length)
    expect(rows[0]).toMatch(/^2026-11-20T07:00:10Z,chat-70b\/us-east-1,2,\d+,\d+,\d+,[\d.]+,following,live$/)
  })
})
