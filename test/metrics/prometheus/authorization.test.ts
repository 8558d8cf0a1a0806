import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { signRequest } from '../../../src/metrics/prometheus/authorization.js'
import {
  createPrometheusClient,
  type PrometheusClientOptions,
} from '../../../src/metrics/prometheus/http-client.js'
import { readSecret } from '../../../src/metrics/secret.js'
import { matrix, type Received, startStandIn } from './stand-in.js'

const folder = mkdtempSync(join(tmpdir(), 'llmscale-authorization-'))

afterEach(() => vi.unstubAllEnvs())
afterAll(() => rmSync(folder, { recursive: true }))

function connect(url: string, options: Partial<PrometheusClientOptions>) {
  return createPrometheusClient({
    url,
    headers: {},
    parallel: 1,
    timeoutSeconds: 5,
    folder,
    wait: async () => undefined,
    ...options,
  })
}

const good = { body: matrix({ values: [[0, '1']] }) }

describe('basic and bearer', () => {
  it('send a password from a file, without its line end', async () => {
    writeFileSync(join(folder, 'password'), 'öpen: sesame\r\n')
    const server = await startStandIn(() => good)
    const auth = { basic: { username: 'ann', password: { file: 'password' } } }
    await connect(server.url, { auth }).queryInstant('up')
    const credentials = Buffer.from('ann:öpen: sesame').toString('base64')
    expect(server.received[0]!.headers.authorization).toBe(`Basic ${credentials}`)
  })

  it('send a token from the environment, over a configured header of the same name', async () => {
    vi.stubEnv('PROM_TOKEN', 'token-1')
    const server = await startStandIn(() => good)
    const options = {
      auth: { bearer: { token: { env: 'PROM_TOKEN' } } },
      headers: { Authorization: 'Other x' },
    }
    await connect(server.url, options).queryInstant('up')
    expect(server.received[0]!.headers.authorization).toBe('Bearer token-1')
  })

  it('refuse a secret that no header can carry, without showing it', () => {
    vi.stubEnv('PROM_TOKEN', 'one\ntwo')
    const token = { env: 'PROM_TOKEN' }
    for (const options of [{ auth: { bearer: { token } } }, { headers: { 'X-Token': token } }]) {
      const work = () => connect('http://127.0.0.1:1', options)
      expect(work).toThrow(expect.objectContaining({ reason: 'configInvalid', code: 'HEADER_INVALID' }))
      expect(work).not.toThrow(/one|two/)
    }
  })

  it.each(['Content-Length', 'transfer-encoding', 'no name'])('refuse the header %s', (name) => {
    expect(() => connect('http://127.0.0.1:1', { headers: { [name]: 'x' } })).toThrow(
      expect.objectContaining({ code: 'HEADER_INVALID', message: expect.stringContaining(name) }),
    )
  })
})

describe('readSecret', () => {
  it('names the variable or file that is missing or empty', () => {
    vi.stubEnv('EMPTY', ' \n')
    writeFileSync(join(folder, 'empty'), '\n')
    for (const [from, message] of [
      [{ env: 'LLMSCALE_ABSENT' }, 'environment variable LLMSCALE_ABSENT is not set'],
      [{ env: 'EMPTY' }, 'environment variable EMPTY is empty'],
      [{ file: 'absent' }, `secret file ${join(folder, 'absent')} cannot be read`],
      [{ file: '.' }, `secret file ${folder} cannot be read`],
      [{ file: 'empty' }, `secret file ${join(folder, 'empty')} is empty`],
    ] as const) {
      expect(() => readSecret(from, folder)).toThrow(
        expect.objectContaining({ reason: 'configInvalid', code: 'SECRET_MISSING', message }),
      )
    }
  })

  it('takes absolute paths as they are', () => {
    writeFileSync(join(folder, 'token'), 'x\n')
    expect(readSecret({ file: join(folder, 'token') }, '/nowhere')).toBe('x')
  })
})

// Key, time and scope of the signature examples that AWS publishes.
const exampleKey = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const scope = {
  credentials: exampleKey,
  region: 'us-east-1',
  service: 'service',
  signingDate: new Date('2015-08-30T12:36:00Z'),
}
const formType = 'application/x-www-form-urlencoded'

describe('SigV4', () => {
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html (by the names of the suite)
  it.each([
    ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-vanilla-query-unreserved',
      'GET',
      `/?${'-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.replace(/.*/, '$&=$&')}`,
      {},
      '',
      '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    ],
    [
      'get-header-value-trim',
      'GET',
      '/',
      { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' },
      '',
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ],
    ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      'POST',
      '/',
      { 'content-type': formType },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'post-x-www-form-urlencoded-parameters',
      'POST',
      '/',
      { 'content-type': `${formType}; charset=utf8` },
      'Param1=value1',
      '1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe',
    ],
  ] as const)('signs %s as AWS does', async (_, method, path, headers, body, signature) => {
    const url = new URL(path, 'https://example.amazonaws.com')
    const signed = await signRequest({ method, url, headers: { ...headers }, body }, scope)
    expect(signed['authorization']).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\//)
    expect(signed['authorization']).toContain(`Signature=${signature}`)
  })

  it('signs the documented call of IAM as AWS does', async () => {
    const url = new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08')
    const headers = { 'content-type': `${formType}; charset=utf-8` }
    const signed = await signRequest({ method: 'GET', url, headers, body: '' }, { ...scope, service: 'iam' })
    expect(signed['authorization']).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    )
  })

  it.each([undefined, 'session/token+=='])(
    'sends what a verifier accepts, session token %s',
    async (token) => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', exampleKey.accessKeyId)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', exampleKey.secretAccessKey)
      vi.stubEnv('AWS_SESSION_TOKEN', token ?? '')
      const server = await startStandIn((received) =>
        isSigned(received, exampleKey.secretAccessKey)
          ? { body: received.method === 'GET' ? { status: 'success', data: ['ok'] } : good.body }
          : { status: 403, body: `bad signature ${exampleKey.secretAccessKey} ${token}` },
      )
      const auth = { sigv4: { region: 'eu-west-1', service: 'aps' } }
      const client = connect(`${server.url}/workspaces/ws-1`, { auth, headers: { 'X-Team': ' a  b ' } })
      expect((await client.queryRange('sum by (a) (x{b="ü +&/~*"})', 0, 60, 60)).series.length).toBe(1)
      expect(await client.labelValues('__name__', '{a=~"x y+.*(1)!"}', 0, 60)).toEqual(['ok'])
      expect(await client.labelValues('ä b', '{}', 0, 60)).toEqual(['ok'])
      for (const { headers } of server.received) {
        expect(headers.authorization).toContain('/eu-west-1/aps/aws4_request')
        expect(headers['x-amz-security-token']).toBe(token)
      }

      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another')
      const error = await connect(server.url, { auth })
        .queryInstant('up')
        .catch((each) => each)
      expect(error).toMatchObject({ code: 'PROMETHEUS_UNAUTHORIZED' })
      expect(error.tryThis.join()).toContain('prometheus.auth.sigv4 for aps in eu-west-1')
      if (token !== undefined) expect(error.message).not.toContain(token)
    },
  )

  it('says where credentials were looked for', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
      vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'absent'))
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'absent'))
    const auth = { sigv4: { region: 'eu-west-1', service: 'aps' } }
    await expect(connect('http://127.0.0.1:1', { auth }).queryInstant('up')).rejects.toMatchObject({
      reason: 'configInvalid',
      code: 'AWS_CREDENTIALS_MISSING',
    })
  })
})

/** Signature Version 4 from its description alone, to hold the signer against. */
function isSigned({ method, path, headers, body }: Received, secretAccessKey: string): boolean {
  const [, credential, signedHeaders, signature] =
    /Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(headers.authorization ?? '')!
  const [, ...credentialScope] = credential!.split('/')
  const [address, search = ''] = path.split('?')
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const encode = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  const query = search
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) =>
      pair
        .split('=')
        .map((part) => encode(decodeURIComponent(part)))
        .join('='),
    )
    .sort()
    .join('&')
  const lines = signedHeaders!
    .split(';')
    .map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}\n`)
    .join('')
  const canonical = [
    method,
    address!.split('/').map(encode).join('/'),
    query,
    lines,
    signedHeaders,
    sha256(body),
  ].join('\n')
  const scopeText = credentialScope.join('/')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scopeText, sha256(canonical)].join('\n')
  const key = credentialScope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  const required = [
    'host',
    'x-amz-date',
    ...(headers['x-amz-security-token'] ? ['x-amz-security-token'] : []),
  ]
  return (
    required.every((name) => signedHeaders!.split(';').includes(name)) &&
    hmac(key, text).toString('hex') === signature
  )
}
