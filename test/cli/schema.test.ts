import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { exampleConfig, starterConfig } from '../../src/config/starter-config.js'
import { emptyFolder } from '../run-cli.js'

function schemas(folder: string): Record<string, unknown> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  )
  return Object.fromEntries(
    files.sort().map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
  )
}

describe('schema/', () => {
  it('is what the sources give; `npm run schema` writes it anew', () => {
    const folder = emptyFolder()
    execFileSync(process.execPath, ['--import', 'tsx', 'tools/schema.mjs', 'src', folder])
    expect(schemas('schema')).toEqual(schemas(folder))
  })

  it('takes the configurations that init writes, and no misspelt key', () => {
    const schema = z.fromJSONSchema(JSON.parse(readFileSync('schema/llmscale.schema.json', 'utf8')))
    for (const text of [starterConfig, exampleConfig]) {
      expect(schema.safeParse(parse(text)).error).toBeUndefined()
      expect(schema.safeParse(parse(text.replace('workloads:', 'worklods:'))).success).toBe(false)
      expect(schema.safeParse(parse(text.replace('ttftP95: 2s', 'ttftP95: 2 s'))).success).toBe(false)
    }
  })

  it('has a result for every command', () => {
    const commands = readdirSync('src/commands', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${file.slice(0, -3).replaceAll('/', '-')}.schema.json`)
    expect(readdirSync('schema/results').sort()).toEqual([...commands, 'envelope.schema.json'].sort())
  })
})
