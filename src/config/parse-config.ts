import { crossCheck } from './cross-checks.js'
import { readYaml } from './read-yaml.js'
import { Config } from './schema.js'

/**
 * The configuration in a text of YAML. Pure: files that it names are not read.
 * Throws one LlmscaleError (CONFIG_INVALID) with a line for everything that is wrong.
 * @param path how the text's file is called in messages
 */
export function parseConfig(text: string, path: string): Config {
  return readYaml(text, path, { schema: Config, crossCheck, code: 'CONFIG_INVALID', whole: 'configuration' })
}
