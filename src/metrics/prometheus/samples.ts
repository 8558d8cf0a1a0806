/** Finite samples of a series at ascending times, and how many were left out: NaN and infinite ones. */
export interface Samples {
  times: Float64Array
  values: Float64Array
  unusable: number
}

const unusableTexts = new Set(['NaN', '+Inf', '-Inf'])

// A quote inside a JSON text is escaped, so these characters in a row are a key and the start of a list.
const opening = '"values":['
const quote = 0x22
const comma = 0x2c
const point = 0x2e
const zero = 0x30
const openBracket = 0x5b
const closeBracket = 0x5d

/**
 * Takes the samples of a matrix out of the text of an answer; in `rest` a list of samples is its index in
 * `samples`. JSON.parse would make an array and a text of each of a million samples, and take twice as long.
 * Undefined where samples are not written as Prometheus writes them, without a space: then they are to be parsed
 * with the rest.
 */
export function extractSamples(text: string): { rest: string; samples: Samples[] } | undefined {
  const samples: Samples[] = []
  const collector = new Collector()
  let rest = ''
  let at = 0
  for (let key = text.indexOf(opening); key >= 0; key = text.indexOf(opening, at)) {
    const end = scanSamples(text, key + opening.length, collector)
    if (end === undefined) return undefined
    rest += `${text.slice(at, key)}"values":${samples.length}`
    samples.push(collector.take())
    at = end
  }
  return { rest: rest + text.slice(at), samples }
}

/** The same of samples that JSON.parse made; undefined where one is not as documented. */
export function readSamples(pairs: readonly unknown[]): Samples | undefined {
  const collector = new Collector()
  for (const pair of pairs) {
    const [time, text] = Array.isArray(pair) ? pair : []
    if (typeof time !== 'number' || typeof text !== 'string' || !collector.add(time, text)) return undefined
  }
  return collector.take()
}

/** Collects `time,"value"],[time,"value"]]` from a position on; returns the position after it. */
function scanSamples(text: string, start: number, collector: Collector): number | undefined {
  let at = start
  if (text.charCodeAt(at) === closeBracket) return at + 1
  for (;;) {
    if (text.charCodeAt(at) !== openBracket) return undefined
    let end = at + 1
    let time = 0
    let code = text.charCodeAt(end)
    for (; code >= zero && code <= zero + 9; code = text.charCodeAt(++end)) time = 10 * time + code - zero
    if (code === point) {
      end = text.indexOf(',', end)
      time = Number(text.slice(at + 1, end))
    }
    if (text.charCodeAt(end) !== comma || text.charCodeAt(end + 1) !== quote) return undefined
    const close = text.indexOf('"', end + 2)
    if (close < 0 || !collector.add(time, text.slice(end + 2, close))) return undefined
    if (text.charCodeAt(close + 1) !== closeBracket) return undefined
    at = close + 3
    const next = text.charCodeAt(close + 2)
    if (next === closeBracket) return at
    if (next !== comma) return undefined
  }
}

/** Columns that grow; one serves all series of an answer. */
class Collector {
  private times = new Float64Array(1024)
  private values = new Float64Array(1024)
  private length = 0
  private unusable = 0
  private before = Number.NEGATIVE_INFINITY

  /** False where the time is not after the one before or the text is no value of a sample. */
  add(time: number, text: string): boolean {
    if (!(time > this.before)) return false
    this.before = time
    const value = Number(text)
    if (!Number.isFinite(value) || text === '') {
      this.unusable++
      return unusableTexts.has(text)
    }
    if (this.length === this.times.length) this.grow()
    this.times[this.length] = time
    this.values[this.length++] = value
    return true
  }

  take(): Samples {
    const { length, unusable } = this
    this.length = 0
    this.unusable = 0
    this.before = Number.NEGATIVE_INFINITY
    return { times: this.times.slice(0, length), values: this.values.slice(0, length), unusable }
  }

  private grow(): void {
    const [times, values] = [this.times, this.values]
    this.times = new Float64Array(2 * times.length)
    this.values = new Float64Array(2 * values.length)
    this.times.set(times)
    this.values.set(values)
  }
}
