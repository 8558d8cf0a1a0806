#!/usr/bin/env -S node --import tsx
// Runs the TypeScript sources, without a build.
import { readFileSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'
import { execute } from '@oclif/core/execute'
import { settings } from '@oclif/core/settings'

// tsx is registered by now; oclif would register it a second time, fail, and fall back to dist/.
settings.enableAutoTranspile = false
const root = new URL('..', import.meta.url).pathname
// A manifest would lead to the commands of the last build.
rmSync(`${root}oclif.manifest.json`, { force: true })

// Node 20 does not register tsx in threads, whose programs are TypeScript too.
const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
const { Worker } = threads
threads.Worker = class extends Worker {
  constructor(program, options) {
    const url = JSON.stringify(String(program))
    const start = `import(${tsx}).then(({ register }) => { register(); return import(${url}) })`
    super(...(url.endsWith('.ts"') ? [start, { ...options, eval: true }] : [program, options]))
  }
}
syncBuiltinESMExports()

const fromSource = readFileSync(`${root}package.json`, 'utf8').replaceAll('./dist/src/', './src/')
const pjson = JSON.parse(fromSource.replace('command-not-found.js', 'command-not-found.ts'))
await execute({ development: true, loadOptions: { root, pjson } })
