import { readFile } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import type { Config } from '../config/schema.js'

/** The text of llmscale.yaml with the numbers of models whose architecture is a file, which a pod does not have. */
export async function completeConfigText(path: string, { models }: Config): Promise<string> {
  const text = await readFile(path, 'utf8')
  const document = parseDocument(text)
  const isFile = (name: string) => String(document.getIn(['models', name, 'architecture'])).endsWith('.json')
  const fromFiles = Object.entries(models).filter(([name]) => isFile(name))
  for (const [name, { architecture }] of fromFiles)
    document.setIn(['models', name, 'architecture'], architecture)
  return fromFiles.length === 0 ? text : document.toString({ lineWidth: 0 })
}
