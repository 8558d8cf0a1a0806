import type { Warning } from '../../kit/errors.js'
import { type Asked, statusFault, unreadable, unreadableForNow } from './faults.js'
import { cleanText } from './foreign-text.js'
import type { Series, SeriesAnswer } from './prometheus-client.js'
import type { HttpAnswer } from './transport.js'

// The format of answers: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
// It is checked by hand: a month of 200 series has 1.7 million samples.

/** `data` of a successful answer. */
export interface AnswerData {
  data: unknown
  warnings: Warning[]
}

interface JsonObject {
  readonly [key: string]: unknown
}

/** Increase of a gauge says so with each answer; what the presets ask of gauges and counters is known to be right. */
const knownInfo = 'PromQL info: metric might not be a counter'

/** Throws a TemporaryFailure or LlmscaleError of faults.ts where the answer is not a success. */
export function parseAnswer(answer: HttpAnswer, asked: Asked): AnswerData {
  const json = parseJson(answer.text)
  if (isObject(json) && json['status'] === 'error') {
    throw statusFault(answer, asked, textOf(json['errorType']), textOf(json['error']))
  }
  if (answer.status !== 200) throw statusFault(answer, asked)
  if (json === undefined) throw unreadableForNow(asked, describeText(answer.text))
  if (!isObject(json) || json['status'] !== 'success') throw unreadable(asked, 'there is no status in it')
  const { warnings, infos } = json
  const remarks = [...textsOf(warnings), ...textsOf(infos).filter((info) => !info.startsWith(knownInfo))].map(
    (remark) => `${asked.name}: ${cleanText(remark, asked.authorization.secrets)}`,
  )
  return {
    data: json['data'],
    warnings: [...new Set(remarks)].map((message) => ({ code: 'PROMETHEUS_WARNING', message })),
  }
}

/** Series of a matrix or vector, a scalar as a series without labels. Native histograms are left out. */
export function readSeries({ data, warnings }: AnswerData, asked: Asked): SeriesAnswer {
  if (!isObject(data)) throw unreadable(asked, 'data is no object')
  const { resultType, result } = data
  const answer: SeriesAnswer = { series: [], unusableSamples: 0, warnings }
  if (resultType === 'scalar') {
    addSeries(answer, {}, [result], asked)
    return answer
  }
  if (resultType !== 'matrix' && resultType !== 'vector') {
    throw unreadable(
      asked,
      `the result is a ${cleanText(textOf(resultType), asked.authorization.secrets) || 'nameless type'}, not a matrix, vector or scalar`,
    )
  }
  for (const entry of listOf(result, 'result', asked)) {
    if (!isObject(entry)) throw unreadable(asked, 'a series is no object')
    const { metric, values, value, histograms, histogram } = entry
    const samples = resultType === 'matrix' ? values : value && [value]
    if (samples === undefined && (histograms ?? histogram) !== undefined) continue
    if (!isLabels(metric)) throw unreadable(asked, 'the labels of a series are not texts')
    addSeries(answer, metric, listOf(samples, 'values', asked), asked)
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

function addSeries(answer: SeriesAnswer, labels: Series['labels'], samples: unknown[], asked: Asked): void {
  const times = new Float64Array(samples.length)
  const values = new Float64Array(samples.length)
  let length = 0
  let before = Number.NEGATIVE_INFINITY
  for (const sample of samples) {
    const [time, text] = Array.isArray(sample) ? sample : []
    if (typeof time !== 'number' || typeof text !== 'string' || !(time > before)) {
      throw unreadable(asked, 'a sample is not a pair of time and text, in the order of time')
    }
    before = time
    const value = Number(text)
    if (Number.isFinite(value) && text !== '') {
      times[length] = time
      values[length++] = value
    } else if (unusable.has(text)) {
      answer.unusableSamples++
    } else {
      throw unreadable(asked, 'the value of a sample is no number')
    }
  }
  answer.series.push({ labels, times: times.slice(0, length), values: values.slice(0, length) })
}

const unusable = new Set(['NaN', '+Inf', '-Inf', 'Inf'])

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
