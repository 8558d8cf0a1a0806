import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { LlmscaleError } from '../../kit/errors.js'
import { cleanText } from '../../kit/foreign-text.js'
import { describeSecret, readSecret } from '../secret.js'
import { checkHeader } from './headers.js'
import type { PrometheusSettings } from './prometheus-settings.js'

type Auth = NonNullable<PrometheusSettings['auth']>

/** A request before it is sent; header names in lower case. */
export interface HttpRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: { [name: string]: string }
  body: string
}

export interface Authorization {
  /** How messages call it: the setting and where its secret was read. */
  readonly description: string
  /** Texts that must not be shown, whoever repeats them. */
  readonly secrets: Set<string>
  /** The headers to send, those of the request included. */
  authorize(request: HttpRequest): Promise<HttpRequest['headers']>
}

/** Basic, bearer or SigV4, as configured. Throws `configInvalid` SECRET_MISSING or HEADER_INVALID. */
export function createAuthorization(auth: Auth | undefined, folder: string): Authorization {
  if (auth === undefined) {
    return fixedAuthorization('no prometheus.auth', undefined, [])
  }
  if (auth.basic !== undefined) {
    const { username, password } = auth.basic
    const secret = readSecret(password, folder)
    const credentials = Buffer.from(`${username}:${secret}`).toString('base64')
    return fixedAuthorization(
      `prometheus.auth.basic as ${username}, password of ${describeSecret(password, folder)}`,
      `Basic ${credentials}`,
      [secret, credentials],
    )
  }
  if (auth.bearer !== undefined) {
    const secret = readSecret(auth.bearer.token, folder)
    checkHeader('authorization', secret)
    return fixedAuthorization(
      `prometheus.auth.bearer, token of ${describeSecret(auth.bearer.token, folder)}`,
      `Bearer ${secret}`,
      [secret],
    )
  }
  return awsAuthorization(auth.sigv4!)
}

function fixedAuthorization(
  description: string,
  value: string | undefined,
  secrets: string[],
): Authorization {
  return {
    description,
    secrets: new Set(secrets),
    authorize: async ({ headers }) => (value === undefined ? headers : { ...headers, authorization: value }),
  }
}

type CredentialProvider = () => Promise<AwsCredentials>

interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

function awsAuthorization({ region, service }: { region: string; service: string }): Authorization {
  let provide: CredentialProvider | undefined
  const secrets = new Set<string>()
  return {
    description: `prometheus.auth.sigv4 for ${service} in ${region}, credentials from the AWS chain`,
    secrets,
    async authorize(request) {
      // The provider keeps credentials until they expire: one for all requests.
      provide ??= (await import('@aws-sdk/credential-provider-node')).defaultProvider()
      const credentials = await provide().catch((cause: Error) => {
        throw withoutCredentials(cause)
      })
      secrets.add(credentials.secretAccessKey)
      if (credentials.sessionToken !== undefined) secrets.add(credentials.sessionToken)
      return signRequest(request, { credentials, region, service, signingDate: new Date() })
    },
  }
}

/**
 * Headers of a request with AWS Signature Version 4; those that the request has are signed too.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function signRequest(
  { method, url, headers, body }: HttpRequest,
  { signingDate, ...scope }: AwsScope,
): Promise<HttpRequest['headers']> {
  const { SignatureV4 } = await import('@smithy/signature-v4')
  // As Prometheus signs for itself: only S3 needs the body's hash in a header of its own.
  const signer = new SignatureV4({ ...scope, sha256: Sha256, applyChecksum: false })
  const query: { [name: string]: string[] } = {}
  for (const name of url.searchParams.keys()) query[name] = url.searchParams.getAll(name)
  const signed = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query,
      headers: { ...headers, host: url.host },
      body,
    },
    { signingDate },
  )
  return signed.headers
}

interface AwsScope {
  credentials: AwsCredentials
  region: string
  service: string
  signingDate: Date
}

/** The shape in which the signer wants SHA-256; with a secret it is an HMAC. */
class Sha256 {
  private readonly hash: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest()
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}

function withoutCredentials({ message }: Error): LlmscaleError {
  return new LlmscaleError(
    'configInvalid',
    'AWS_CREDENTIALS_MISSING',
    `prometheus.auth.sigv4: the AWS chain (environment, profiles, web identity, container, instance) gives no credentials: ${cleanText(message, [])}`,
    ['Give the job a role, e.g. by aws-actions/configure-aws-credentials, or set AWS_PROFILE.'],
  )
}
