import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { refuseSecrets, testSecrets } from './secrets.js'

const program = resolve(import.meta.dirname, '../tools/stand-ins/moto.mjs')
const server = execFileSync('node', [program, '--print'], { encoding: 'utf8' }).trim()
const isThere = existsSync(resolve(server, '../../done'))

if (!isThere && process.env['LLMSCALE_REQUIRE_STAND_INS'] === '1')
  throw new Error('LLMSCALE_REQUIRE_STAND_INS is set and there is no moto: node tools/stand-ins/moto.mjs')

/** Whether moto, a stand-in for S3, is there. */
export const hasS3 = isThere
/** Put into the name of a suite, so that a skip says how to run it. */
export const s3Note = isThere ? ' on a stand-in for S3' : ' (not run: no moto; node tools/stand-ins/moto.mjs)'

export interface StandInS3 {
  /** What the AWS SDK reads. */
  environment: Record<string, string>
  endpoint: string
  stop(): Promise<void>
}

/** Starts moto on a free port of loopback. */
export async function startS3(): Promise<StandInS3> {
  const child = spawn(server, ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const endpoint = await listening(child)
  return {
    endpoint,
    environment: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: 'stand-in',
      AWS_SECRET_ACCESS_KEY: testSecrets.AWS_SECRET_ACCESS_KEY,
      AWS_REGION: 'eu-west-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    stop: async () => {
      const ended = new Promise((done) => child.once('close', done))
      try {
        await refuseSecretsIn(endpoint)
      } finally {
        child.kill()
        await ended
      }
    },
  }
}

/** Looks through the objects of all buckets. */
async function refuseSecretsIn(endpoint: string): Promise<void> {
  const authorization = 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request'
  const get = async (path: string) =>
    (await fetch(`${endpoint}/${path}`, { headers: { authorization } })).text()
  const namesIn = (listing: string, tag: string) =>
    [...listing.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(([, name]) => name!)
  for (const bucket of namesIn(await get(''), 'Name'))
    for (const key of namesIn(await get(`${bucket}?list-type=2`), 'Key'))
      refuseSecrets(await get(`${bucket}/${key}`), `s3://${bucket}/${key}`)
}

async function listening(child: ChildProcess): Promise<string> {
  const patience = setTimeout(() => child.kill(), 60_000)
  const lines = createInterface({ input: child.stderr! })
  try {
    for await (const line of lines) {
      const [endpoint] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? []
      if (endpoint === undefined) continue
      child.stderr!.resume()
      return endpoint
    }
    throw new Error('moto ended before it listened')
  } finally {
    clearTimeout(patience)
  }
}
