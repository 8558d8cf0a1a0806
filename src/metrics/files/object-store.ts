import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { createTemporaryFolder } from '../../kit/temporary-folder.js'
import type { InputFile } from './input-file.js'
import { settled } from './settled.js'

/** So many objects are fetched at a time. */
const parallelFetches = 4
const connectMilliseconds = 10_000
const idleMilliseconds = 60_000

/** Objects as private files on this machine. */
export interface FetchedObjects {
  /** What each URL named, in the order of keys. */
  byUrl: Map<string, InputFile[]>
  remove(): Promise<void>
}

/**
 * Fetches objects of S3, or of a store that speaks its protocol, into a private folder; `s3://bucket/key`, the key
 * may be a pattern. Credentials, region and endpoint are those of the AWS SDK (AWS_PROFILE, AWS_ENDPOINT_URL_S3 …).
 *
 * Throws `badData`: S3_URL_WRONG, S3_BUCKET_MISSING, S3_OBJECT_MISSING; `configInvalid`: S3_REGION_MISSING,
 * S3_NO_CREDENTIALS; `upstreamUnavailable`: S3_ACCESS_DENIED, S3_UNREACHABLE.
 */
export async function fetchObjects(urls: readonly string[]): Promise<FetchedObjects> {
  const client = await createClient()
  const { path: folder, remove } = createTemporaryFolder('s3')
  const limit = pLimit(parallelFetches)
  try {
    const byUrl = new Map<string, InputFile[]>()
    let count = 0
    for (const url of new Set(urls)) {
      const { bucket, key } = parseObjectUrl(url)
      const keys = await matchKeys(client, url, bucket, key)
      const fetched = await settled(
        keys.map((each) =>
          limit(() =>
            fetchObject(client, bucket, each, join(folder, `${count++}-${each.split('/').at(-1)}`)),
          ),
        ),
      )
      byUrl.set(url, fetched)
    }
    return { byUrl, remove }
  } catch (cause) {
    await remove()
    throw cause
  } finally {
    client.destroy()
  }
}

/** Writes an object; throws what `fetchObjects` throws. */
export async function putObject(url: string, body: Uint8Array | string): Promise<void> {
  const { bucket, key } = parseObjectUrl(url)
  const client = await createClient()
  try {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    await answered(url, () => client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })))
  } finally {
    client.destroy()
  }
}

/** A client with the settings of the AWS SDK, and these before them. */
export async function createClient(settings: S3ClientConfig = {}): Promise<S3Client> {
  // The package says which versions of Node it runs on; the SDK would print its own opinion on stderr.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { S3Client } = await import('@aws-sdk/client-s3')
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']
  return new S3Client({
    followRegionRedirects: true,
    // A store on an address of its own seldom has a name for each bucket.
    forcePathStyle: (settings.endpoint ?? endpoint) !== undefined,
    requestHandler: { connectionTimeout: connectMilliseconds, requestTimeout: idleMilliseconds },
    ...settings,
  })
}

function parseObjectUrl(url: string): { bucket: string; key: string } {
  const [, bucket, key] = /^s3:\/\/([^/*?[]+)\/(.+)$/.exec(url) ?? []
  if (bucket !== undefined && key !== undefined) return { bucket, key }
  throw new LlmscaleError('badData', 'S3_URL_WRONG', `${url} is no object: it must be s3://BUCKET/KEY`, [
    'The key may be a pattern, as in s3://demand/2025/*.parquet; the bucket may not.',
  ])
}

/** Keys that a key or pattern names, in order; a key that has pattern characters in it is meant by that name. */
async function matchKeys(client: S3Client, url: string, bucket: string, key: string): Promise<string[]> {
  const literal = /^[^*?[]*/.exec(key)![0]
  if (literal === key) return [key]
  const keys = await listKeys(client, url, bucket, literal)
  if (keys.includes(key)) return [key]
  const pattern = keyPattern(key)
  const found = keys.filter((each) => pattern.test(each) && !each.endsWith('/')).sort()
  if (found.length === 0) throw await missingObject(client, url, bucket, key)
  return found
}

async function listKeys(client: S3Client, url: string, bucket: string, prefix: string): Promise<string[]> {
  const { paginateListObjectsV2 } = await import('@aws-sdk/client-s3')
  return answered(url, async () => {
    const keys: string[] = []
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key)
    return keys
  })
}

/** A pattern as for files: `*` and `?` end at a slash, `**` does not, `[…]` is one of some characters. */
function keyPattern(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|[\\^$.|+(){}[\]]/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    return part.length > 1 ? part.replace('[!', '[^').replaceAll('\\', '\\\\') : `\\${part}`
  })
  return new RegExp(`^${source}$`, 'u')
}

async function fetchObject(client: S3Client, bucket: string, key: string, path: string): Promise<InputFile> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3')
  const name = `s3://${bucket}/${key}`
  try {
    await answered(name, async () => {
      const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      const file = createWriteStream(path, { mode: 0o600 })
      await pipeline(Body as Readable, file)
      if (file.bytesWritten !== ContentLength)
        throw new Error(`${file.bytesWritten} of ${ContentLength} bytes came`)
    })
  } catch (cause) {
    if (cause instanceof LlmscaleError && cause.code === 'S3_OBJECT_MISSING')
      throw await missingObject(client, name, bucket, key)
    throw cause
  }
  return { name, path }
}

async function missingObject(client: S3Client, url: string, bucket: string, key: string) {
  const folder = /^[^*?[]*\//.exec(key)?.[0] ?? ''
  const names = (await listKeys(client, url, bucket, folder).catch(() => [])).sort()
  const near = nearestName(key, names) ?? names[0]
  const has = near === undefined ? 'has nothing' : `has ${JSON.stringify(near)}`
  return new LlmscaleError(
    'badData',
    'S3_OBJECT_MISSING',
    `${url}: no object; s3://${bucket}/${folder} ${has}`,
    ['Name your objects under metrics.files.'],
  )
}

/** Turns what the store answers into an error that names the object; its own messages may hold an access key. */
export async function answered<T>(url: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (cause) {
    throw cause instanceof LlmscaleError ? cause : storeError(url, cause as ServiceError)
  }
}

interface ServiceError extends Error {
  code?: string
  $metadata?: { httpStatusCode?: number }
}

function storeError(url: string, cause: ServiceError): LlmscaleError {
  const status = cause.$metadata?.httpStatusCode
  if (cause.name === 'CredentialsProviderError') {
    return new LlmscaleError('configInvalid', 'S3_NO_CREDENTIALS', `${url}: there are no AWS credentials`, [
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role is attached.',
    ])
  }
  if (/region is missing/i.test(cause.message)) {
    return new LlmscaleError('configInvalid', 'S3_REGION_MISSING', `${url}: no AWS region is set`, [
      'Set AWS_REGION to the region of the bucket.',
    ])
  }
  if (cause.name === 'NoSuchBucket') {
    return new LlmscaleError('badData', 'S3_BUCKET_MISSING', `${url}: there is no such bucket`, [
      'Check its name, and AWS_ENDPOINT_URL_S3 where the store is not S3 itself.',
    ])
  }
  if (cause.name === 'NoSuchKey')
    return new LlmscaleError('badData', 'S3_OBJECT_MISSING', `${url}: no object`)
  if (status === 401 || status === 403) {
    return new LlmscaleError(
      'upstreamUnavailable',
      'S3_ACCESS_DENIED',
      `${url}: access is denied (${cause.name})`,
      [
        'The credentials need s3:GetObject and s3:ListBucket, and s3:PutObject to write; check that they have not expired.',
      ],
    )
  }
  const answer = status === undefined ? (cause.code ?? cause.name) : `${cause.name}, HTTP ${status}`
  return new LlmscaleError(
    'upstreamUnavailable',
    'S3_UNREACHABLE',
    `${url}: the store does not answer (${answer})`,
    ['Check the network, AWS_REGION and AWS_ENDPOINT_URL_S3; then try again.'],
  )
}
