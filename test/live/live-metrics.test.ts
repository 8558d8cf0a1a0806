import { describe, expect, it } from 'vitest'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { fitHere } from '../../src/live/fit-models.js'
import { createFamilies } from '../../src/live/live-metrics.js'
import { judgeWorkloads } from '../../src/live/live-state.js'
import { createRefresher } from '../../src/live/refresh.js'
import {
  day,
  demandTable,
  everySeconds,
  liveConfig,
  livePlan,
  readingOf,
  readTableWindows,
} from './live-fixture.js'

const nine = day + 9 * secondsPerHour
const at = { now: nine + 10, monotone: nine }

describe('the metric of the live floor', () => {
  it('is missing until demand has been read, so that the floors of an exporter before stand', async () => {
    const refresher = await createRefresher(
      {
        config: liveConfig,
        environment: 'prod',
        everySeconds,
        readPlan: async () => readingOf(livePlan()),
        readDemand: readTableWindows(demandTable(day + secondsPerDay)),
        fitModels: fitHere,
      },
      at,
    )
    const valuesOf = (name: string) => {
      const snapshot = refresher.snapshot()
      const families = createFamilies('prod', snapshot, judgeWorkloads(snapshot, at, everySeconds), [], at)
      return families.find((family) => family.name === name)!.samples.map(({ value }) => value)
    }
    expect(valuesOf('llmscale_live_floor_replicas')).toEqual([])
    expect(valuesOf('llmscale_template_floor_replicas')).toEqual([2])
    await refresher.refresh(at)
    expect(valuesOf('llmscale_live_floor_replicas')[0]).toBeGreaterThan(10)
  })
})
