import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { LlmscaleError } from '../../kit/errors.js'
import type { PrometheusSettings } from './prometheus-settings.js'

export interface Tls {
  ca?: Buffer
  cert?: Buffer
  key?: Buffer
}

const tlsFiles = [
  ['ca', 'ca'],
  ['certificate', 'cert'],
  ['key', 'key'],
] as const

/**
 * The PEM files of `tls:`; paths are relative to `folder`. As elsewhere, `ca` stands instead of the system's roots.
 * Throws `configInvalid` TLS_INVALID.
 */
export function readTls(configured: PrometheusSettings['tls'], folder: string): Tls {
  const tls: Tls = {}
  for (const [setting, name] of tlsFiles) {
    const path = configured?.[setting]
    if (path === undefined) continue
    tls[name] = readPem(setting, resolve(folder, path))
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidTls(
      tls.key === undefined ? 'key' : 'certificate',
      'is missing: certificate and key go together',
    )
  }
  try {
    createSecureContext(tls)
  } catch (cause) {
    throw invalidTls('certificate', `and key cannot be used: ${(cause as NodeJS.ErrnoException).code}`)
  }
  return tls
}

function readPem(setting: string, path: string): Buffer {
  let pem: Buffer
  try {
    pem = readFileSync(path)
  } catch (cause) {
    throw invalidTls(setting, `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}`)
  }
  try {
    // OpenSSL takes a file without any certificate for an empty list.
    if (setting !== 'key') new X509Certificate(pem)
  } catch {
    throw invalidTls(setting, `${path} holds no certificate in PEM form`)
  }
  return pem
}

function invalidTls(setting: string, fault: string): LlmscaleError {
  return new LlmscaleError('configInvalid', 'TLS_INVALID', `prometheus.tls.${setting}: ${fault}`, [
    'Name PEM files, relative to the configuration; certificate and key belong to the client.',
  ])
}
