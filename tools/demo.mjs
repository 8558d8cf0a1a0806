// The main job on an embedded default: an example fleet, then forecast, plan, render, and what a person reads.
// Usage: npm run demo   (leaves its files in .llmscale/demo)
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, '.llmscale', 'demo')
const asOf = ['--as-of', '2026-10-19T00:00:00Z'] // a fixed clock: every run shows the same page

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
run('init', '--example', ...asOf)
run('forecast', '--out', 'forecast.parquet', ...asOf)
run('plan', ...asOf)
run('render')
console.error(
  `\nThe files are in ${relative(process.cwd(), folder)}. Why a number is what it is: cd there, then`,
)
console.error('  npx llmscale explain llama-3.1-8b/us-east-1')

function run(...args) {
  console.error(`\n$ llmscale ${args.join(' ')}`)
  const { status, signal } = spawnSync(process.execPath, [join(root, 'bin', 'run.js'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1))
}
