import { readFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { parseHuggingFaceConfig } from '../config/hugging-face.js'
import { parseConfig } from '../config/parse-config.js'
import type { Config } from '../config/schema.js'
import type { Revision } from '../delivery/revision.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'

export type Collector = NonNullable<Config['metrics']['collector']>

/**
 * The configuration in a file, with the numbers of each model whose architecture is the path of a Hugging Face
 * config.json. Throws CONFIG_MISSING without the file, CONFIG_INVALID with everything that is wrong in it.
 */
export async function readConfig(path: string): Promise<Config> {
  const text = await readText(path, ['llmscale init writes one.', 'Name another with --config.'])
  return completeConfig(text, path, { read: readText, nameFile: (file) => file })
}

/** The same as it is or was in a revision of the project; undefined where that has no such file. */
export async function readConfigOf(revision: Revision, path: string): Promise<Config | undefined> {
  const folder = besideConfig(path, '.')
  const read = (file: string) => revision.readText?.(relative(folder, resolve(file)))
  const text = await read(path)
  if (text === undefined) return undefined
  const nameFile = (file: string) => revision.nameFile(relative(folder, resolve(file)))
  return completeConfig(text, path, {
    nameFile,
    read: async (file, tryThis) => {
      const named = await read(file)
      if (named !== undefined) return named
      const missing = `${nameFile(file)} does not exist.`
      throw new LlmscaleError('configInvalid', 'CONFIG_MISSING', missing, tryThis)
    },
  })
}

/** Files that a configuration names, by their full paths. */
interface NamedFiles {
  read: typeof readText
  /** As messages call it. */
  nameFile(file: string): string
}

async function completeConfig(text: string, path: string, { read, nameFile }: NamedFiles): Promise<Config> {
  const config = parseConfig(text, nameFile(path))
  for (const [model, entry] of Object.entries(config.models)) {
    if (typeof entry.architecture !== 'string' || !entry.architecture.endsWith('.json')) continue
    const file = besideConfig(path, entry.architecture)
    entry.architecture = parseHuggingFaceConfig(
      await read(file, [`Correct models.${model}.architecture in ${nameFile(path)}.`]),
      nameFile(file),
    )
  }
  return config
}

async function readText(path: string, tryThis: string[]): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new LlmscaleError(
      'configInvalid',
      missing ? 'CONFIG_MISSING' : 'CONFIG_UNREADABLE',
      missing ? `${path} does not exist.` : `${path} cannot be read: ${(cause as Error).message}`,
      tryThis,
    )
  }
}

/** The path of a file that the configuration names: relative to the configuration's own folder. */
export function besideConfig(configPath: string, file: string): string {
  return resolve(dirname(configPath), file)
}

/** The environment of `--env`, else the only one. Throws a usage error that lists them. */
export function environmentOf(
  config: Config,
  name: string | undefined,
): { name: string; environment: Config['environments'][string] } {
  const names = Object.keys(config.environments)
  const chosen = name ?? (names.length === 1 ? names[0]! : undefined)
  const environment = chosen === undefined ? undefined : config.environments[chosen]
  if (chosen !== undefined && environment !== undefined) return { name: chosen, environment }
  const near = chosen === undefined ? undefined : nearestName(chosen, names)
  throw new LlmscaleError(
    'usage',
    chosen === undefined ? 'ENVIRONMENT_NEEDED' : 'ENVIRONMENT_UNKNOWN',
    chosen === undefined
      ? `The configuration has several environments (${names.join(', ')}): name one with --env.`
      : `No environment ${JSON.stringify(chosen)} in the configuration; it has ${names.join(', ')}.`,
    near === undefined ? [] : [`--env ${near}`],
  )
}

const collectorSnippet = `metrics:
  collector:
    prometheus: {url: http://prometheus.monitoring:9090, presets: [vllm]}
    to: s3://BUCKET/demand/{day}.parquet
    image: REGISTRY/llmscale:0.1.0`

/** What the job inside the cluster reads and writes. Throws `configInvalid`, COLLECTOR_MISSING. */
export function collectorOf({ metrics }: Config, path: string): Collector {
  if (metrics.collector !== undefined) return metrics.collector
  throw new LlmscaleError(
    'configInvalid',
    'COLLECTOR_MISSING',
    `${path}: metrics.collector is not set; it says what the job inside the cluster reads and where it writes`,
    [`Add this to ${path}; docs/scheduled-plans.md explains it:\n${collectorSnippet}`],
  )
}
