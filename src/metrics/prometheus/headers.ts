import { validateHeaderName, validateHeaderValue } from 'node:http'
import { LlmscaleError } from '../../kit/errors.js'
import { readSecret } from '../secret.js'
import type { PrometheusSettings } from './prometheus-settings.js'

/** Headers that describe the connection or the body, which are ours. */
const ownHeaders = [
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * The configured headers, names in lower case, and which of their values are secrets.
 * Throws `configInvalid` SECRET_MISSING or HEADER_INVALID.
 */
export function readHeaders(
  configured: PrometheusSettings['headers'],
  folder: string,
): { headers: { [name: string]: string }; secrets: string[] } {
  const headers: { [name: string]: string } = {}
  const secrets: string[] = []
  for (const [name, from] of Object.entries(configured)) {
    if (ownHeaders.includes(name.toLowerCase())) throw invalidHeader(name, 'llmscale sets it itself')
    const value = typeof from === 'string' ? from : readSecret(from, folder)
    checkHeader(name, value)
    headers[name.toLowerCase()] = value
    if (typeof from !== 'string' || name.toLowerCase() === 'authorization') secrets.push(value)
  }
  return { headers, secrets }
}

/** Throws `configInvalid` HEADER_INVALID where HTTP does not allow a name or a value; never shows the value. */
export function checkHeader(name: string, value: string): void {
  try {
    validateHeaderName(name)
  } catch {
    throw invalidHeader(name, 'is no name of an HTTP header')
  }
  try {
    validateHeaderValue(name, value)
  } catch {
    throw invalidHeader(name, 'its value has characters that HTTP does not allow, such as a line end')
  }
}

function invalidHeader(name: string, fault: string): LlmscaleError {
  return new LlmscaleError(
    'configInvalid',
    'HEADER_INVALID',
    `prometheus header ${JSON.stringify(name)}: ${fault}`,
  )
}
