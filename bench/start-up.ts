// CPU seconds of `llmscale --help` beside bare node and beside importing @oclif/core, taken in turns in one run.
// Usage, after a build: node --import tsx bench/start-up.ts [path of run.js]
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { quantile } from '../src/kit/statistics.js'

const program = resolve(process.argv[2] ?? 'bin/run.js')
const rounds = 15
// Each child reports its own CPU time when it ends, so that the three are measured alike.
const report = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs'
  process.on('exit', () => {
    const { user, system } = process.cpuUsage()
    writeSync(3, String((user + system) / 1e6))
  })`)}`

const candidates: Record<string, string[]> = {
  'bare node': ['--eval', ''],
  'import @oclif/core': ['--input-type=module', '--eval', "import '@oclif/core'"],
  'llmscale --help': [program, '--help'],
}

function cpuSeconds(args: string[]): Promise<number> {
  const child = spawn(process.execPath, ['--import', report, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  let text = ''
  child.stdio[3]!.on('data', (chunk) => {
    text += chunk
  })
  return new Promise((done, fail) =>
    child.on('close', (code) => (code === 0 ? done(Number(text)) : fail(new Error(`${args} exits ${code}`)))),
  )
}

const measured = Object.keys(candidates).map((name) => ({ name, seconds: [] as number[] }))
for (let round = 0; round < rounds; round++)
  for (const { name, seconds } of measured) seconds.push(await cpuSeconds(candidates[name]!))

const bare = quantile(measured[0]!.seconds, 0.5)
console.log(`Median CPU seconds of ${rounds} rounds, node ${process.version}`)
for (const { name, seconds } of measured) {
  const median = quantile(seconds, 0.5)
  console.log(`${name.padEnd(20)} ${median.toFixed(3)}  ${(median / bare).toFixed(2)} × bare node`)
}
