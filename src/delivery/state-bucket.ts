import type { S3Client, S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3'
import { LlmscaleError } from '../kit/errors.js'
import { retry, TemporaryFailure } from '../kit/retry.js'
import { answered, createClient } from '../metrics/files/object-store.js'
import { createInOrder, type StateStore, stateUrlWrong } from './state-store.js'

/**
 * Receipts and locks as objects below `s3://bucket/prefix`, with the query of a Pulumi backend (`region`, `endpoint`,
 * `profile`, `s3ForcePathStyle` …), else with the settings of the AWS SDK. The store must know conditional writes:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
 *
 * Throws STATE_URL_WRONG; methods throw what `fetchObjects` throws.
 */
export function createBucketStore(location: string, folder?: string): StateStore {
  const [, bucket, path = '', query = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(location) ?? []
  if (bucket === undefined) throw stateUrlWrong(location)
  const prefix = [path, folder ?? ''].flatMap((part) => part.split('/').filter(Boolean)).join('/')
  const keyOf = (path: string) => (prefix === '' ? path : `${prefix}/${path}`)
  const urlOf = (path: string) => `s3://${bucket}/${keyOf(path)}`
  let opened: Promise<S3Client> | undefined
  const clientOf = () => (opened ??= createClient(clientSettings(new URLSearchParams(query))))

  const get = async (path: string): Promise<{ text: string; etag: string | undefined } | undefined> => {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    const client = await clientOf()
    try {
      return await answered(urlOf(path), async () => {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(path) }))
        return { text: await answer.Body!.transformToString(), etag: answer.ETag }
      })
    } catch (cause) {
      if (cause instanceof LlmscaleError && cause.code === 'S3_OBJECT_MISSING') return undefined
      throw cause
    }
  }
  const put = async (path: string, text: string, condition: { IfNoneMatch?: '*' }): Promise<boolean> => {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    const client = await clientOf()
    const input = { Bucket: bucket, Key: keyOf(path), Body: text, ContentType: 'application/json' }
    return whereMet(urlOf(path), () => client.send(new PutObjectCommand({ ...input, ...condition })))
  }
  const createObject = async (path: string, text: string): Promise<boolean> => {
    if (await retry(() => put(path, text, { IfNoneMatch: '*' }), {})) return true
    // The SDK repeats a request whose answer was lost: then it is our own text that is in the way.
    return (await get(path))?.text === text
  }

  const store: StateStore = {
    place: `s3://${bucket}/${prefix}`,
    writesSparingly: false,
    read: async (path) => (await get(path))?.text,
    list: async (below) => {
      const { paginateListObjectsV2 } = await import('@aws-sdk/client-s3')
      const client = await clientOf()
      const folder = `${keyOf(below)}/`
      return answered(urlOf(below), async () => {
        const keys: string[] = []
        for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: folder }))
          for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key)
        return keys.map((key) => below + key.slice(folder.length - 1)).sort()
      })
    },
    write: async (path, text) => {
      await put(path, text, {})
    },
    create: (files) => createInOrder(files, createObject, store.remove),
    remove: async (files) => {
      const { DeleteObjectCommand } = await import('@aws-sdk/client-s3')
      const client = await clientOf()
      for (const [path, text] of files) {
        const found = await get(path)
        if (found?.text !== text) continue
        const input = { Bucket: bucket, Key: keyOf(path), IfMatch: found.etag }
        await whereMet(urlOf(path), () => client.send(new DeleteObjectCommand(input)))
      }
    },
  }
  return store
}

/** The settings of an S3 client that the query of a Pulumi backend holds, as gocloud.dev names them. */
function clientSettings(query: URLSearchParams): S3ClientConfig {
  const isSet = (...names: string[]) => names.some((name) => query.get(name) === 'true')
  const [region, profile, endpoint] = ['region', 'profile', 'endpoint'].map((name) => query.get(name))
  const scheme = isSet('disableSSL', 'disable_https') ? 'http' : 'https'
  return {
    ...(region && { region }),
    ...(profile && { profile }),
    ...(endpoint && { endpoint: endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}` }),
    ...(isSet('s3ForcePathStyle', 'use_path_style') && { forcePathStyle: true }),
  }
}

/** Whether the condition of a request was met. Throws a TemporaryFailure where another request was in its way. */
async function whereMet(url: string, request: () => Promise<unknown>): Promise<boolean> {
  const status = await answered(url, () =>
    request().then(
      () => 200,
      (cause: S3ServiceException) => {
        const status = cause.$metadata?.httpStatusCode
        // An object that is gone by now does not match either.
        if (status === 409 || status === 412 || cause.name === 'NoSuchKey') return status
        throw cause
      },
    ),
  )
  if (status === 409)
    throw new TemporaryFailure(
      (tries) =>
        new LlmscaleError(
          'upstreamUnavailable',
          'S3_CONFLICT',
          `${url}: other runs wrote it during each of ${tries} tries`,
        ),
    )
  return status === 200
}
