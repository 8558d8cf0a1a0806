#!/usr/bin/env -S node --import tsx
// Runs the TypeScript sources, without a build.
import { readFileSync, rmSync } from 'node:fs'
import { execute } from '@oclif/core/execute'
import { settings } from '@oclif/core/settings'

// tsx is registered by now; oclif would register it a second time, fail, and fall back to dist/.
settings.enableAutoTranspile = false
const root = new URL('..', import.meta.url).pathname
// A manifest would lead to the commands of the last build.
rmSync(`${root}oclif.manifest.json`, { force: true })
const fromSource = readFileSync(`${root}package.json`, 'utf8').replaceAll('./dist/src/', './src/')
const pjson = JSON.parse(fromSource.replace('command-not-found.js', 'command-not-found.ts'))
await execute({ development: true, loadOptions: { root, pjson } })
