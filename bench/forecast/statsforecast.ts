import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { digestText } from '../../src/kit/digest.js'

const folder = new URL('../statsforecast/', import.meta.url).pathname
const requirements = join(folder, 'requirements.txt')

/** What one model of StatsForecast made of all series. */
export interface PeerForecast {
  points: number[][]
  cpu_seconds: number
}

/** Forecasts by StatsForecast of PyPI, in a virtual environment in the cache of the user, made where it is missing. */
export function forecastWithStatsForecast(
  series: readonly Float64Array[],
  horizon: number,
): Record<string, PeerForecast> {
  const input = JSON.stringify({ horizon, series: series.map((values) => [...values]) })
  return JSON.parse(run(join(makeEnvironment(), 'bin/python'), [join(folder, 'forecast.py')], input))
}

function makeEnvironment(): string {
  const digest = digestText(readFileSync(requirements, 'utf8')).slice(0, 8)
  const path = join(homedir(), '.cache/llmscale', `statsforecast-${digest}`)
  if (existsSync(path)) return path
  console.log(`making ${path}`)
  const partial = `${path}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  run('python3', ['-m', 'venv', partial])
  run(join(partial, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '-r', requirements])
  renameSync(partial, path)
  return path
}

function run(command: string, args: string[], input = ''): string {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    input,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}`)
  return stdout
}
