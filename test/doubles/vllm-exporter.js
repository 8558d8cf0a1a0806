// A stand-in for a server of vLLM: metrics of its names and labels whose counters grow evenly with the clock.
// Usage: node vllm-exporter.js '{"models": [{"model", "requestsPerSecond", "inputTokens", "outputTokens"}],
//   "names": "new" | "old" | "both"}'
// GET /metrics; GET /totals: what the counters would be without resets; POST /reset; POST /rename?model=&to=
// It ends with the process that started it.
const { createServer } = require('node:http')

const { models, names = 'new' } = JSON.parse(process.argv[2])
/** Shares of requests (tokens, for the latency between tokens) up to each bound. */
const shares = {
  lengths: [[100, 0.25], [1000, 0.75], [10000, 0.95], ['+Inf', 1]],
  ttft: [[0.1, 0.5], [1, 0.9], [2.5, 0.99], ['+Inf', 1]],
  itl: [[0.025, 0.4], [0.05, 0.8], [0.1, 0.99], ['+Inf', 1]],
  endToEnd: [[1, 0.2], [10, 0.9], [60, 1], ['+Inf', 1]],
}

const started = Date.now()
let countedSince = started
// A model that takes another name is a series of its own, from zero; what it had under the old one ends there.
let served = models.map((model) => ({ ...model, since: started, until: Infinity }))

function amounts({ requestsPerSecond, inputTokens, outputTokens, since, until }, from) {
  const seconds = Math.max(0, Math.min(Date.now(), until) - Math.max(since, from)) / 1000
  const requests = Math.floor(seconds * requestsPerSecond)
  return { requests, inputTokens: requests * inputTokens, outputTokens: requests * outputTokens }
}

function metricsText() {
  const families = new Map()
  const add = (name, type, labels, value) => {
    if (!families.has(name)) families.set(name, [`# TYPE ${name} ${type}`])
    families.get(name).push(sample(name, labels, value))
  }
  const addHistogram = (name, labels, total, mean, parts) => {
    if (!families.has(name)) families.set(name, [`# TYPE ${name} histogram`])
    families.get(name).push(
      ...parts.map(([le, share]) => sample(`${name}_bucket`, { ...labels, le }, Math.floor(total * share))),
      sample(`${name}_sum`, labels, total * mean),
      sample(`${name}_count`, labels, total),
    )
  }
  for (const each of served.filter(({ until }) => until === Infinity)) {
    const labels = { model_name: each.model, engine: 0 }
    const { requests, inputTokens, outputTokens } = amounts(each, countedSince)
    const stopped = Math.floor(requests * 0.8)
    add('vllm:request_success_total', 'counter', { ...labels, finished_reason: 'stop' }, stopped)
    add('vllm:request_success_total', 'counter', { ...labels, finished_reason: 'length' }, requests - stopped)
    add('vllm:prompt_tokens_total', 'counter', labels, inputTokens)
    add('vllm:generation_tokens_total', 'counter', labels, outputTokens)
    add('vllm:num_requests_running', 'gauge', labels, Math.ceil(each.requestsPerSecond))
    add('vllm:num_requests_waiting', 'gauge', labels, 0)
    addHistogram('vllm:request_prompt_tokens', labels, requests, each.inputTokens, shares.lengths)
    addHistogram('vllm:request_generation_tokens', labels, requests, each.outputTokens, shares.lengths)
    addHistogram('vllm:time_to_first_token_seconds', labels, requests, 0.3, shares.ttft)
    addHistogram('vllm:e2e_request_latency_seconds', labels, requests, 5, shares.endToEnd)
    const byAge = { new: 'vllm:inter_token_latency_seconds', old: 'vllm:time_per_output_token_seconds' }
    const cached = { new: 'vllm:prompt_tokens_cached_total', old: 'vllm:prefix_cache_hits_total' }
    for (const age of names === 'both' ? ['new', 'old'] : [names]) {
      addHistogram(byAge[age], labels, outputTokens, 0.03, shares.itl)
      add(cached[age], 'counter', labels, Math.floor(inputTokens * 0.3))
    }
  }
  return `${[...families.values()].flat().join('\n')}\n`
}

function sample(name, labels, value) {
  const texts = Object.entries(labels).map(([label, text]) => `${label}=${quote(String(text))}`)
  return `${name}{${texts.join(',')}} ${value}`
}

function quote(text) {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

function totals() {
  const byModel = {}
  for (const each of served) {
    const sum = (byModel[each.model] ??= { requests: 0, inputTokens: 0, outputTokens: 0 })
    for (const [name, amount] of Object.entries(amounts(each, started))) sum[name] += amount
  }
  return byModel
}

function rename(model, to) {
  const now = Date.now()
  served = served.flatMap((each) =>
    each.model === model && each.until === Infinity
      ? [{ ...each, until: now }, { ...each, model: to, since: now }]
      : [each],
  )
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
  const answer = (status, type, text) => response.writeHead(status, { 'content-type': type }).end(text)
  switch (`${request.method} ${pathname}`) {
    case 'GET /metrics':
      return answer(200, 'text/plain; version=0.0.4; charset=utf-8', metricsText())
    case 'GET /totals':
      return answer(200, 'application/json', JSON.stringify(totals()))
    case 'POST /reset':
      countedSince = Date.now()
      return answer(204, 'text/plain')
    case 'POST /rename':
      rename(searchParams.get('model'), searchParams.get('to'))
      return answer(204, 'text/plain')
    default:
      return answer(404, 'text/plain', 'not found\n')
  }
})
server.listen(0, '127.0.0.1', () => console.error(`listening on 127.0.0.1:${server.address().port}`))
process.stdin.resume().on('end', () => process.exit())
