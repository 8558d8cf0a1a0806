import type { Warning } from '../../kit/errors.js'
import { cleanText } from '../../kit/foreign-text.js'
import { type Asked, statusFault, unreadable, unreadableForNow } from './faults.js'
import type { Series, SeriesAnswer } from './prometheus-client.js'
import { extractSamples, readSamples, type Samples } from './samples.js'
import type { HttpAnswer } from './transport.js'

// The format of answers: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
// It is checked by hand: a month of 200 series has 1.7 million samples.

/** A successful answer. */
export interface AnswerData {
  data: unknown
  /** Lists of samples that stand in `data` as their index here. */
  samples: readonly Samples[]
  warnings: Warning[]
}

interface JsonObject {
  readonly [key: string]: unknown
}

/** Increase of a gauge says so with each answer; what the presets ask of gauges and counters is known to be right. */
const knownInfo = 'PromQL info: metric might not be a counter'

/** Throws a TemporaryFailure or LlmscaleError of faults.ts where the answer is not a success. */
export function parseAnswer(answer: HttpAnswer, asked: Asked): AnswerData {
  const { rest, samples } = extractSamples(answer.text) ?? { rest: answer.text, samples: [] }
  const json = parseJson(rest)
  if (isObject(json) && json['status'] === 'error') {
    throw statusFault(answer, asked, textOf(json['errorType']), textOf(json['error']))
  }
  if (answer.status !== 200) throw statusFault(answer, asked)
  if (json === undefined) throw unreadableForNow(asked, describeText(answer.text))
  if (!isObject(json) || json['status'] !== 'success') throw unreadable(asked, 'there is no status in it')
  const { warnings, infos } = json
  const told = textsOf(infos).filter((info) => !info.startsWith(knownInfo))
  const remarks = (code: string, texts: readonly string[]) =>
    [...new Set(texts.map((text) => cleanText(text, asked.authorization.secrets)))].map((text) => ({
      code,
      message: `${asked.name}: ${text}`,
    }))
  return {
    data: json['data'],
    samples,
    warnings: [...remarks('PROMETHEUS_WARNING', textsOf(warnings)), ...remarks('PROMETHEUS_INFO', told)],
  }
}

const resultTypes = new Set<unknown>(['matrix', 'vector', 'scalar'])

/** Series of a matrix or vector, a scalar as a series without labels. Native histograms are left out. */
export function readSeries({ data, samples, warnings }: AnswerData, asked: Asked): SeriesAnswer {
  if (!isObject(data)) throw unreadable(asked, 'data is no object')
  const { resultType, result } = data
  if (!resultTypes.has(resultType)) {
    const type = cleanText(textOf(resultType), asked.authorization.secrets) || 'nameless type'
    throw unreadable(asked, `the result is a ${type}, not a matrix, vector or scalar`)
  }
  const entries = resultType === 'scalar' ? [{ metric: {}, value: result }] : listOf(result, 'result', asked)
  const answer: SeriesAnswer = { series: [], unusableSamples: 0, warnings }
  for (const entry of entries) {
    if (!isObject(entry)) throw unreadable(asked, 'a series is no object')
    const { metric, values, value, histograms, histogram } = entry
    const pairs = resultType === 'matrix' ? values : value && [value]
    if (pairs === undefined && (histograms ?? histogram) !== undefined) continue
    if (!isLabels(metric)) throw unreadable(asked, 'the labels of a series are not texts')
    const read = typeof pairs === 'number' ? samples[pairs] : readSamples(listOf(pairs, 'values', asked))
    if (read === undefined) {
      throw unreadable(asked, 'a sample is not a time and the text of a number, in the order of time')
    }
    answer.series.push({ labels: metric, times: read.times, values: read.values })
    answer.unusableSamples += read.unusable
  }
  return answer
}

/** Names that a server lists. */
export function readNames({ data }: AnswerData, asked: Asked): string[] {
  return listOf(data, 'data', asked).map((name) => {
    if (typeof name !== 'string') throw unreadable(asked, 'a name is no text')
    return name
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeText(text: string): string {
  if (text.trim() === '') return 'nothing came'
  return /^\s*</.test(text) ? 'it is a page of HTML' : 'it is no JSON, or only a part of it'
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isLabels(value: unknown): value is Series['labels'] {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
}

/** An empty list arrives as null from servers that are written in Go. */
function listOf(value: unknown, name: string, asked: Asked): unknown[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw unreadable(asked, `${name} is no list`)
  return value
}
