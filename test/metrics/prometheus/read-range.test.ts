import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../../src/kit/errors.js'
import { type DayStore, openDayStore } from '../../../src/metrics/prometheus/day-store.js'
import type { PrometheusClient, SeriesAnswer } from '../../../src/metrics/prometheus/prometheus-client.js'
import { readRanges } from '../../../src/metrics/prometheus/read-range.js'
import { emptyFolder } from '../../run-cli.js'

const day = 86_400
const start = Date.UTC(2026, 0, 5) / 1000
const stepSeconds = 3600
const end = start + 10 * day + 5 * stepSeconds

/** A server whose value is the hour since the start; `refuse` makes a request fail. */
function serverOf({
  warnings = [] as { code: string; message: string }[],
  refuse = (_points: number): string => '',
} = {}) {
  const asked: { from: number; to: number }[] = []
  const client: PrometheusClient = {
    name: 'stand-in',
    async queryRange(_query, from, to, step): Promise<SeriesAnswer> {
      asked.push({ from, to })
      const times = Float64Array.from({ length: (to - from) / step + 1 }, (_, at) => from + at * step)
      const code = refuse(times.length)
      if (code !== '') throw new LlmscaleError('upstreamUnavailable', code, 'refused')
      const values = times.map((time) => (time - start) / step)
      return { series: [{ labels: { model: 'a' }, times, values }], unusableSamples: 0, warnings }
    },
    queryInstant: () => Promise.reject(new Error('not asked')),
    labelValues: () => Promise.reject(new Error('not asked')),
    labelNames: () => Promise.reject(new Error('not asked')),
  }
  return { client, asked }
}

const hours = Array.from({ length: 10 * 24 + 5 }, (_, hour) => hour + 1)

const read = async (server: ReturnType<typeof serverOf>, store?: DayStore) => {
  const reader = { client: server.client, parallel: 2, store, server: 's', now: end }
  const [answer] = await readRanges(['up'], { from: start, to: end, stepSeconds }, reader)
  return answer!
}

describe('readRanges', () => {
  it('joins chunks of a week at most into one column', async () => {
    const server = serverOf()
    const answer = await read(server)
    expect([...answer.series[0]!.values]).toEqual(hours)
    expect(server.asked).toEqual([
      { from: start + stepSeconds, to: start + 7 * day },
      { from: start + 7 * day + stepSeconds, to: end },
    ])
  })

  it('halves what is too much for the server, and gives up where one point is', async () => {
    const small = serverOf({ refuse: (points) => (points > 40 ? 'QUERY_TOO_LARGE' : '') })
    expect([...(await read(small)).series[0]!.values]).toEqual(hours)
    await expect(read(serverOf({ refuse: () => 'QUERY_TOO_LARGE' }))).rejects.toMatchObject({
      code: 'QUERY_TOO_LARGE',
    })
  })

  it('never asks for more than 11,000 points', async () => {
    const { client, asked } = serverOf()
    const reader = { client, parallel: 1, server: 's', now: end }
    const [answer] = await readRanges(['up'], { from: start, to: start + day, stepSeconds: 5 }, reader)
    expect(Math.max(...asked.map(({ from, to }) => (to - from) / 5 + 1))).toBeLessThanOrEqual(11_000)
    expect(answer!.series[0]!.values).toHaveLength(day / 5)
  })

  it('asks the next time only for what is new', async () => {
    const path = join(emptyFolder(), 'days.duckdb')
    const first = await openDayStore(path, end)
    await read(serverOf(), first.store)
    first.store!.close()
    const again = await openDayStore(path, end)
    const server = serverOf()
    const answer = await read(server, again.store)
    again.store!.close()
    expect([...answer.series[0]!.values]).toEqual(hours)
    expect(server.asked).toEqual([{ from: start + 10 * day + stepSeconds, to: end }])
  })

  it('keeps what came before a failure', async () => {
    const { store } = await openDayStore(join(emptyFolder(), 'days.duckdb'), end)
    let answered = 0
    const failing = serverOf({ refuse: () => (answered++ > 0 ? 'QUERY_FAILED' : '') })
    await expect(read(failing, store)).rejects.toMatchObject({ code: 'QUERY_FAILED' })
    const server = serverOf()
    await read(server, store)
    store!.close()
    expect(server.asked).toEqual([{ from: start + 7 * day + stepSeconds, to: end }])
  })

  it('does not keep answers that the server calls partial', async () => {
    const { store } = await openDayStore(join(emptyFolder(), 'days.duckdb'), end)
    const warnings = [{ code: 'PROMETHEUS_WARNING', message: 'a store is down' }]
    expect((await read(serverOf({ warnings }), store)).warnings).toHaveLength(2)
    const server = serverOf()
    await read(server, store)
    store!.close()
    expect(server.asked).toHaveLength(2)
  })
})

describe('openDayStore', () => {
  it('makes a file anew that is no database', async () => {
    const path = join(emptyFolder(), 'days.duckdb')
    writeFileSync(path, 'not a database at all')
    const { store, warnings } = await openDayStore(path, end)
    expect(warnings).toEqual([expect.objectContaining({ code: 'CACHE_REBUILT' })])
    store!.close()
  })

  it('keeps the days of each server, query and step apart', async () => {
    const { store } = await openDayStore(join(emptyFolder(), 'days.duckdb'), end)
    const one = { server: 'a', query: 'up', stepSeconds }
    const values = Float64Array.of(1, Number.NaN, 3)
    await store!.save(one, new Map([[start, [{ labels: { model: 'it\'s <b>"\n' }, values }]]]))
    expect((await store!.load(one, start, end)).get(start)).toEqual([
      { labels: { model: 'it\'s <b>"\n' }, values },
    ])
    for (const other of [
      { ...one, server: 'b' },
      { ...one, query: 'down' },
      { ...one, stepSeconds: 60 },
    ])
      expect((await store!.load(other, start, end)).size).toBe(0)
    store!.close()
  })
})
