import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prometheusFolder } from './prometheus-fixture.js'
import { emptyFolder } from './run-cli.js'

/** What `promtool test rules` takes: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
interface PromqlTest {
  series: { series: string; values: string }[]
  /** Query, minutes after the first value of the series, and the one value that comes. */
  expect: { query: string; minute: number; value: number }[]
}

/** Lets Prometheus' own engine evaluate queries over series of one value a minute. Throws what promtool says. */
export function testPromql({ series, expect }: PromqlTest): void {
  const test = {
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: series,
        promql_expr_test: expect.map(({ query, minute, value }) => ({
          expr: query,
          eval_time: `${minute}m`,
          exp_samples: [{ labels: '{}', value }],
        })),
      },
    ],
  }
  const file = join(emptyFolder(), 'test.json')
  writeFileSync(file, JSON.stringify(test)) // JSON is YAML
  promtool(['test', 'rules', file])
}

/** Throws what promtool says where it fails. */
export function promtool(args: string[], input?: string): string {
  const { error, status, stdout, stderr } = spawnSync(join(prometheusFolder!, 'promtool'), args, {
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined) throw error
  if (status === 0) return stdout + stderr
  throw new Error(`promtool ${args[0]} exited with ${status}: ${stdout}${stderr}`)
}
