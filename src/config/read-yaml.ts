import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { explainIssue } from './explain-issue.js'

/** Something wrong with a file of YAML, at a path of keys and indexes. */
export interface Finding {
  path: (string | number)[]
  message: string
  /** Points at the last key of the path instead of its value. */
  atKey?: boolean
}

export interface YamlForm<Schema extends z.ZodType> {
  schema: Schema
  /** What the parts of the file ask of each other; takes any value and never throws. */
  crossCheck?: (value: unknown) => Finding[]
  /** Code of the error. */
  code: string
  /** How messages call the file's whole. */
  whole: string
}

/**
 * The value in a text of YAML, as a schema reads it.
 * Throws one LlmscaleError (`configInvalid`, the form's code) with a line for everything that is wrong:
 * `llmscale.yaml:12:7 workloads[0].slo.ttftP95: "2 s" is not a duration; write 2s or 500ms`.
 * @param path how the text's file is called in messages
 */
export function readYaml<Schema extends z.ZodType>(
  text: string,
  path: string,
  { schema, crossCheck, code: errorCode, whole }: YamlForm<Schema>,
): z.infer<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const flaws: { offset: number; text: string }[] = []
  const addFinding = (finding: Finding) => {
    const offset = offsetOf(document, finding)
    flaws.push({ offset, text: `${formatPath(finding.path, whole)}: ${finding.message}` })
  }
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const [offset] = pos
    const key = /^[^:\s]+/.exec(text.slice(offset))?.[0]
    flaws.push({
      offset,
      text: code === 'DUPLICATE_KEY' ? `${key}: this key is given twice` : `not valid YAML: ${message}`,
    })
  }

  let read: { data: z.infer<Schema> } | undefined
  // After an error of syntax the tree is a guess; a key given twice leaves it whole.
  if (document.errors.every(({ code }) => code === 'DUPLICATE_KEY')) {
    const value = toValue(document, addFinding)
    const result = schema.safeParse(value, { reportInput: true, error: explainIssue })
    if (result.success) read = { data: result.data }
    for (const issue of result.error?.issues ?? [])
      for (const finding of toFindings(issue, schema)) addFinding(finding)
    for (const finding of crossCheck?.(value) ?? []) addFinding(finding)
  }
  if (read !== undefined && flaws.length === 0) return read.data
  const message = flaws
    .sort((a, b) => a.offset - b.offset)
    .map((flaw) => `${at(flaw.offset)} ${flaw.text}`)
    .join('\n')
  throw new LlmscaleError('configInvalid', errorCode, message)
}

/** The plain value of a document; an alias without its anchor is found only here. */
function toValue(document: Document, addFinding: (finding: Finding) => void): unknown {
  try {
    return document.toJS() ?? {}
  } catch (error) {
    addFinding({ path: [], message: (error as Error).message })
    return {}
  }
}

/** `workloads[0].slo.ttftP95`; names that are not plain words are quoted. */
function formatPath(path: Finding['path'], whole: string): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (!/^[A-Za-z_][\w-]*$/.test(part)) text += `[${JSON.stringify(part)}]`
    else text += text === '' ? part : `.${part}`
  }
  return text === '' ? whole : text
}

/** Where a finding points: the value or key at its path, else the nearest parent that exists. */
function offsetOf(document: Document, finding: Finding): number {
  let node = document.contents as Node | null
  let offset = node?.range?.[0] ?? 0
  for (const [depth, part] of finding.path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part))
      if (pair === undefined) return offset
      const key = pair.key as Node
      const value = pair.value as Node | null
      if (finding.atKey && depth === finding.path.length - 1) return key.range?.[0] ?? offset
      // A block's own position is its first key; people look for the line that names it.
      offset = (isScalar(value) || isAlias(value) ? value.range?.[0] : key.range?.[0]) ?? offset
      node = value
    } else if (isSeq(node)) {
      const item = node.items[part as number] as Node | undefined
      if (item === undefined) return offset
      offset = item.range?.[0] ?? offset
      node = item
    } else return offset
  }
  return offset
}

function toFindings(
  issue: z.core.$ZodIssue,
  schema: z.core.$ZodType,
  prefix: Finding['path'] = [],
): Finding[] {
  const path = [...prefix, ...(issue.path as Finding['path'])]
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path)
    return issue.keys.map((key) => {
      const near = nearestName(key, known)
      const advice = near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`
      return { path: [...path, key], message: `unknown key; ${advice}`, atKey: true }
    })
  }
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues.map(({ message }) => message).join('; '), atKey: true }]
  }
  if (issue.code === 'invalid_union') {
    // The branch that was meant is the one whose outermost type fits.
    const meant = issue.errors.find((branch) =>
      branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
    )
    if (meant !== undefined) return meant.flatMap((inner) => toFindings(inner, schema, path))
  }
  return [{ path, message: issue.message }]
}

/** Keys that the schema knows in the block at a path. */
function knownKeys(schema: z.core.$ZodType, path: Finding['path']): string[] {
  let schemas = [schema]
  for (const part of path) schemas = schemas.flatMap((schema) => childSchemas(schema, String(part)))
  return schemas
    .flatMap(unwrap)
    .flatMap((schema) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []))
}

function childSchemas(schema: z.core.$ZodType, key: string): z.core.$ZodType[] {
  return unwrap(schema).flatMap((bare) => {
    if (bare instanceof z.ZodObject) return bare.shape[key] === undefined ? [] : [bare.shape[key]]
    if (bare instanceof z.ZodArray) return [bare.element as z.core.$ZodType]
    if (bare instanceof z.ZodRecord) return [bare.valueType as z.core.$ZodType]
    return []
  })
}

/** The schema below its defaults, or each branch of a union. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.core.$ZodType)
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => unwrap(option as z.core.$ZodType))
  return [schema]
}
