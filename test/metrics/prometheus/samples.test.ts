import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extractSamples, readSamples } from '../../../src/metrics/prometheus/samples.js'

const time = fc.oneof(
  fc.nat(2e9),
  fc.nat(2e9).map((milliseconds) => milliseconds / 1000),
)
const value = fc.oneof(fc.double().map(String), fc.constantFrom('NaN', '+Inf', '-Inf', '1e+06', '-0', '0.1'))
const pairs = fc
  .tuple(fc.uniqueArray(time), fc.infiniteStream(value))
  .map(([times, values]) => times.sort((a, b) => a - b).map((each) => [each, values.next().value as string]))
  .map((all) => all.filter(([, text]) => !/^-?Infinity$/.test(String(text))))

describe('extractSamples', () => {
  it('finds what JSON.parse finds, whatever the labels are', () => {
    const series = fc.record({
      metric: fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
      values: pairs,
    })
    fc.assert(
      fc.property(fc.array(series), (all) => {
        const { rest, samples } = extractSamples(JSON.stringify(all))!
        expect(JSON.parse(rest)).toEqual(
          JSON.parse(JSON.stringify(all.map((each, at) => ({ ...each, values: at })))),
        )
        expect(samples).toEqual(all.map((each) => readSamples(each.values)))
      }),
    )
  })

  it('is not misled by a label that looks like samples', () => {
    const label = '"values":[[1,"2"]]'
    const text = JSON.stringify({ metric: { [label]: label, values: '[[1,"2"]]' }, values: [[1, '3']] })
    const { rest, samples } = extractSamples(text)!
    expect(samples.map(({ values }) => [...values])).toEqual([[3]])
    expect(JSON.parse(rest)).toEqual({ metric: { [label]: label, values: '[[1,"2"]]' }, values: 0 })
  })

  it.each([
    '"values":[',
    '"values":[[',
    '"values":[[1',
    '"values":[[1.5',
    '"values":[[1,"2',
    '"values":[[1,"2"',
    '"values":[[1,"2"]',
    '"values":[[1,"2"],',
    '"values":[[1,"2"],]',
    '"values":[ [1,"2"]]',
    '"values":[[1, "2"]]',
    '"values":[[1,2]]',
    '"values":[["1","2"]]',
    '"values":[[-1,"2"]]',
    '"values":[[1,"2",3]]',
    '"values":[[1,"2"][3,"4"]]',
    '"values":[[1,"two"]]',
    '"values":[[1,""]]',
    '"values":[[1,"2"],[1,"2"]]',
  ])('leaves %s to JSON.parse', (text) => {
    expect(extractSamples(text)).toBeUndefined()
  })
})

describe('readSamples', () => {
  it('grows with the series', () => {
    const long = Array.from({ length: 5000 }, (_, at) => [at, String(at * 2)])
    const { times, values, unusable } = readSamples(long)!
    expect([times.length, times[4999], values[4999], unusable]).toEqual([5000, 4999, 9998, 0])
  })
})
