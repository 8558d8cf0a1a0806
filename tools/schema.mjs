// Writes the JSON Schemas of llmscale.yaml, of the --json envelope and of each command's result there.
// Usage: node tools/schema.mjs [folder of the program] [folder to write to]
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

const [program = 'dist/src', target = 'schema'] = process.argv.slice(2)
const commandFiles = (await readdir(join(program, 'commands'), { recursive: true }))
  .filter((file) => /(?<!\.d)\.[jt]s$/.test(file))
  .sort()
const extension = commandFiles[0].slice(-3)
const load = (file) => import(pathToFileURL(resolve(program, file)))

/** Draft 7 is what editors' YAML servers know best. */
async function write(file, title, schema, io) {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-7' })
  const path = join(target, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`)
}

const { Config } = await load(`config/schema${extension}`)
const { Envelope } = await load(`cli/envelope${extension}`)
await write('llmscale.schema.json', 'llmscale.yaml', Config, 'input')
await write('results/envelope.schema.json', 'What every command prints under --json', Envelope, 'output')
for (const file of commandFiles) {
  const words = file.slice(0, -3).split('/')
  const { Result } = await load(join('commands', file))
  if (Result === undefined) throw new Error(`${file} exports no Result`)
  await write(
    `results/${words.join('-')}.schema.json`,
    `Result of llmscale ${words.join(' ')}`,
    Result,
    'output',
  )
}
