import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { programArgs } from '../run-cli.js'

const root = resolve(import.meta.dirname, '../..')
const isCompiled = programArgs.length === 1
const engine = join(root, isCompiled ? 'dist/src/delivery/engine.js' : 'src/delivery/engine.ts')

it('starts the SDK without the compiler, and a program can serialise a function all the same', () => {
  const script = `
    import { createRequire } from 'node:module'
    await import(${JSON.stringify(engine)})
    const { runtime } = await import('@pulumi/pulumi')
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    const { text } = await runtime.serializeFunction(() => 6 * 7)
    console.log(JSON.stringify([loaded.filter((path) => /typescript\\.js$|arborist/.test(path)), text.includes('6 * 7')]))`
  const args = [...programArgs.slice(0, -1), '--input-type=module', '--eval', script]
  const output = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  expect(JSON.parse(output)).toEqual([[expect.stringMatching(/arborist\/lib\/index\.js$/)], true])
})
