import { once } from 'node:events'
import { createServer } from 'node:http'
import type { EpochSeconds } from '../../../src/kit/units.js'

/** Of a replica that is busy, by which a load becomes requests. */
export interface ReplicaPace {
  requestsPerSecond: number
  inputTokens: number
  outputTokens: number
  /** How long a request runs. */
  serviceSeconds: number
}

/** A stand-in for the vLLM servers of a model: they serve all that arrives, with counters from when they began. */
export interface VllmStandIn {
  /** http://127.0.0.1:port/metrics */
  url: string
  /** From now on nothing is in flight, while counters go on: the reactive trigger sees no load. */
  hideRequestsInFlight(): void
  stop(): Promise<void>
}

/** @param load replicas busy at a time */
export async function startVllm(
  port: number,
  model: string,
  load: (time: EpochSeconds) => number,
  { requestsPerSecond, inputTokens, outputTokens, serviceSeconds }: ReplicaPace,
): Promise<VllmStandIn> {
  let isHidden = false
  let at = Date.now() / 1000
  // What arrived until each second since the start, so that what ended is known too.
  const arrived = [0]
  const begin = at
  const advance = (now: EpochSeconds) => {
    for (; at + 1 <= now; at++) arrived.push(arrived.at(-1)! + load(at + 0.5) * requestsPerSecond)
  }
  const arrivedBy = (time: EpochSeconds) => arrived[Math.floor(Math.max(0, time - begin))] ?? arrived.at(-1)!
  const server = createServer((_, response) => {
    const now = Date.now() / 1000
    advance(now)
    const ended = arrivedBy(now - serviceSeconds)
    const running = isHidden ? 0 : arrivedBy(now) - ended
    const labels = `{model_name="${model}",engine="0",pod="live"}`
    const lines = [
      '# TYPE vllm:request_success_total counter',
      `vllm:request_success_total{model_name="${model}",engine="0",pod="live",finished_reason="stop"} ${Math.floor(ended)}`,
      '# TYPE vllm:prompt_tokens_total counter',
      `vllm:prompt_tokens_total${labels} ${Math.floor(ended * inputTokens)}`,
      '# TYPE vllm:generation_tokens_total counter',
      `vllm:generation_tokens_total${labels} ${Math.floor(ended * outputTokens)}`,
      '# TYPE vllm:num_requests_running gauge',
      `vllm:num_requests_running${labels} ${running}`,
      '# TYPE vllm:num_requests_waiting gauge',
      `vllm:num_requests_waiting${labels} 0`,
    ]
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
    response.end(`${lines.join('\n')}\n`)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    hideRequestsInFlight: () => {
      isHidden = true
    },
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
