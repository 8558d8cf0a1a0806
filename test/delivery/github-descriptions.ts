import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

// What GitHub publishes of its REST and GraphQL APIs, as the package of its own client has it.

const program = resolve(import.meta.dirname, '../../tools/stand-ins/github-api.mjs')
const folder = execFileSync('node', [program, '--print'], { encoding: 'utf8' }).trim()
const isThere = existsSync(join(folder, 'done'))

if (!isThere && process.env['LLMSCALE_REQUIRE_STAND_INS'] === '1')
  throw new Error(
    'LLMSCALE_REQUIRE_STAND_INS is set and there are no descriptions: node tools/stand-ins/github-api.mjs',
  )

/** Put into the name of a suite, so that nobody takes an unchecked run for a checked one. */
export const descriptionsNote = isThere
  ? ', each request and reply as GitHub describes it'
  : ' (requests not checked: node tools/stand-ins/github-api.mjs)'

/** Of an emulator of GitHub (https://www.npmjs.com/package/emulate) that others make; undefined where it is not there. */
export const emulatorModule = isThere ? join(folder, 'node_modules/emulate/dist/api.js') : undefined

export interface Exchange {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  status: number
  reply: unknown
}

// biome-ignore lint/suspicious/noExplicitAny: a document whose shape is what it describes itself
type Json = Record<string, any>

type Validator = ((value: unknown) => boolean) & { errors: { instancePath: string; message: string }[] }

interface Descriptions {
  /** What is wrong with an exchange. */
  check(exchange: Exchange): string[]
  checkQuery(query: string): string[]
  /** GitHub's own example of an answer. */
  exampleOf(method: string, path: string): unknown
}

export function loadDescriptions(): Descriptions | undefined {
  if (!isThere) return undefined
  // They are in the cache beside the descriptions, not among the packages of the project.
  const load = createRequire(join(folder, 'package.json'))
  const rest = acceptNull(JSON.parse(readFileSync(join(folder, 'rest.json'), 'utf8'))) as Json
  const ajv = new (load('ajv').default)({
    strict: false,
    validateSchema: false,
    allErrors: true,
    logger: false,
  })
  load('ajv-formats').default(ajv)
  ajv.addSchema(rest, 'rest')
  const resolveRef = (part: Json): Json =>
    part['$ref'] === undefined
      ? part
      : part['$ref']
          .slice(2)
          .split('/')
          .reduce((at: Json, key: string) => at[key], rest)
  const pointer = (...keys: string[]) =>
    `rest#/${keys.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
  const validators = new Map<string, Validator>()
  const validate = (what: string, ref: string, value: unknown): string[] => {
    if (!validators.has(ref)) validators.set(ref, ajv.compile({ $ref: ref }))
    const validator = validators.get(ref)!
    if (validator(value)) return []
    return validator.errors
      .slice(0, 3)
      .map(({ instancePath, message }) => `${what}${instancePath}: ${message}`)
  }
  const routes = Object.keys(rest['paths'])
    .map((route) => ({
      route,
      pattern: new RegExp(`^${route.replace(/\{ref\}/, '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
    }))
    .sort((a, b) => (a.route.match(/\{/g)?.length ?? 0) - (b.route.match(/\{/g)?.length ?? 0))
  const findRoute = (path: string) => routes.find(({ pattern }) => pattern.test(path))?.route
  const operationOf = (method: string, path: string): Json | undefined =>
    rest['paths'][findRoute(path) ?? '']?.[method.toLowerCase()]
  /** Where a schema lies whose content may be a reference to a shared answer. */
  const schemaOf = (part: Json, ...keys: string[]) => {
    const shared = part['$ref']?.slice(2).split('/')
    return pointer(...(shared ?? keys), 'content', 'application/json', 'schema')
  }

  return {
    check: ({ method, path, query, body, status, reply }) => {
      const line = `${method} ${path}`
      const operation = operationOf(method, path)
      if (operation === undefined) return [`${line} is not described`]
      const route = findRoute(path)!
      const described = new Set(
        [...(operation['parameters'] ?? []), ...(rest['paths'][route].parameters ?? [])].map(
          (parameter: Json) => resolveRef(parameter)['name'],
        ),
      )
      const wrong = [...query.keys()].flatMap((name) =>
        described.has(name) ? [] : [`${line}: ${name} is no parameter`],
      )
      const at = ['paths', route, method.toLowerCase()]
      if (body !== undefined) {
        const schema = operation['requestBody']?.content['application/json'].schema
        if (schema === undefined) return [...wrong, `${line} takes no body`]
        const known = Object.keys(resolveRef(schema)['properties'] ?? body)
        for (const key of Object.keys(body as Json))
          if (!known.includes(key)) wrong.push(`${line}: ${key} is nothing that it takes`)
        const ref = pointer(...at, 'requestBody', 'content', 'application/json', 'schema')
        wrong.push(...validate(`${line} request`, ref, body))
      }
      const answer = operation['responses'][String(status)]
      // Refusals that are said of every route are not described at each.
      if (answer === undefined) return status < 300 ? [...wrong, `${line} does not answer ${status}`] : wrong
      if (resolveRef(answer)['content']?.['application/json'] === undefined) return wrong
      wrong.push(...validate(`${line} reply`, schemaOf(answer, ...at, 'responses', String(status)), reply))
      return wrong
    },
    checkQuery: (query) => {
      const { buildSchema, parse, validate: validateQuery } = load('graphql')
      graphqlSchema ??= buildSchema(readFileSync(join(folder, 'schema.graphql'), 'utf8'), {
        assumeValidSDL: true,
      })
      return validateQuery(graphqlSchema, parse(query)).map((error: Error) => `GraphQL: ${error.message}`)
    },
    exampleOf: (method, path) => {
      const responses = operationOf(method, path)?.['responses'] ?? {}
      const answer = resolveRef(responses['200'] ?? responses['201'] ?? {})
      const [example] = Object.values(answer['content']?.['application/json']?.examples ?? {}) as Json[]
      return example && structuredClone(resolveRef(example)['value'])
    },
  }
}

let graphqlSchema: unknown

/** OpenAPI 3.0 says `nullable` where JSON Schema says that null is a type. */
function acceptNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(acceptNull)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, acceptNull(each)] as const)
  const { nullable, ...schema } = Object.fromEntries(entries) as Json
  if (nullable !== true) return Object.fromEntries(entries)
  return { anyOf: [schema, { type: 'null' }] }
}
