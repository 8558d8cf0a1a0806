import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../src/kit/errors.js'
import { emptyFolder, runCli } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { asOf, config, fleetFolder } from './fleet-fixture.js'

// Ctrl-C at a chosen moment: a module that the process loads first sends the process a SIGINT.

/** While it computes: 0.1 s after it has looked for a plan in force, which comes between reading and forecasting. */
const duringForecast = `
import { spawn } from 'node:child_process'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
const { readFile } = files
files.readFile = (path, ...rest) => {
  if (String(path).endsWith('plan.yaml')) {
    files.readFile = readFile
    syncBuiltinESMExports()
    spawn('sh', ['-c', 'sleep 0.1; kill -INT ' + process.pid], { stdio: 'ignore' })
  }
  return readFile(path, ...rest)
}
syncBuiltinESMExports()`

/** When the part of one of its files is on the disk and not yet in its place. */
const duringWrite = (file: string) => `
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
const { writeFile } = files
files.writeFile = async (path, ...rest) => {
  await writeFile(path, ...rest)
  if (!basename(path).startsWith('.${file}.')) return
  process.kill(process.pid, 'SIGINT')
  await new Promise((done) => setTimeout(done, 10_000))
}
syncBuiltinESMExports()`

/** Runs a plan that is interrupted; what it leaves in its folder must be what was there. */
async function interruptPlan(cwd: string, moment: string, exitCode: number): Promise<void> {
  const before = readFiles(cwd)
  const preload = join(emptyFolder(), 'interrupt.mjs')
  writeFileSync(preload, moment)
  const env = { NODE_OPTIONS: `--import ${preload}` }
  const { code, stdout } = await runCli(planArgs, { cwd, env })
  expect([code, stdout]).toEqual([exitCode, ''])
  expect(readFiles(cwd)).toEqual(before)
}

const planArgs = ['plan', '--as-of', asOf, '--quiet']
const plan = (cwd: string) => runCommand(planArgs, { cwd })

/** Every file under a folder, hidden ones too, with its text. */
function readFiles(folder: string): [path: string, text: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [path, readFileSync(path, 'utf8')])
}

const endedBySignal = -1
const workloadFile = 'llama-3-1-8b-7b6335.us-east-1.yaml'

describe('Ctrl-C during llmscale plan', () => {
  it('leaves nothing of a first plan', async () => {
    const folder = fleetFolder()
    await interruptPlan(folder, duringForecast, endedBySignal)
    await interruptPlan(folder, duringWrite(workloadFile), exitCodes.interrupted)
  })

  it('leaves the plan in force whole, and the next run makes the new one', async () => {
    const folder = fleetFolder()
    expect((await plan(folder)).code).toBe(0)
    writeFileSync(join(folder, 'llmscale.yaml'), `${config}    minReplicas: 2\n`)
    await interruptPlan(folder, duringForecast, endedBySignal)
    await interruptPlan(folder, duringWrite(workloadFile), exitCodes.interrupted)
    await interruptPlan(folder, duringWrite('plan.yaml'), exitCodes.interrupted)
    const { code, stdout } = await plan(folder)
    expect(code).toBe(0)
    expect(stdout).toContain('1 workload and 0 pools change')
  })
})
