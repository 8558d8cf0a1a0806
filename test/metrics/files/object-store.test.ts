import { readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fileSource } from '../../../src/metrics/files/file-source.js'
import { fetchObjects, putObject } from '../../../src/metrics/files/object-store.js'
import { emptyFolder } from '../../run-cli.js'
import { hasS3, type StandInS3, s3Note, startS3 } from '../../stand-in-s3.js'

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error) => error,
  )
const leftFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('llmscale-s3-'))
const read = (...files: string[]) => fileSource({ files, regions: ['r'] }).read({})

describe.skipIf(!hasS3)(`objects${s3Note}`, () => {
  let store: StandInS3
  const day = (date: string) =>
    [0, 1, 2].map((hour) => `2025-03-${date}T0${hour}:00:00Z,m,${hour + 1}`).join('\n')
  const header = 'timestamp,model,requests\n'

  beforeAll(async () => {
    store = await startS3()
    // Other tests make such folders too, at the same time.
    vi.stubEnv('TMPDIR', emptyFolder())
    for (const [name, value] of Object.entries(store.environment)) vi.stubEnv(name, value)
    await fetch(`${store.endpoint}/demand`, {
      method: 'PUT',
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request' },
    })
    await putObject('s3://demand/2025/03/03.csv', `${header}${day('03')}\n`)
    await putObject('s3://demand/2025/03/04.csv.gz', gzipSync(`${header}${day('04')}\n`))
    await putObject('s3://demand/2025/04/deep/er.csv', `${header}${day('05')}\n`)
    await putObject('s3://demand/odd/a[1]*.csv', `${header}${day('06')}\n`)
    await putObject('s3://demand/odd/cut.csv.gz', gzipSync(`${header}${day('07')}\n`).subarray(0, 40))
  }, 90_000)
  afterAll(async () => {
    vi.unstubAllEnvs()
    await store.stop()
  })

  it('reads what a key and a pattern name, under the names of the objects', async () => {
    const before = leftFolders()
    const table = await read('s3://demand/2025/03/*.csv*')
    expect(table.inputs.map(({ path, rows }) => [path, rows])).toEqual([
      ['s3://demand/2025/03/03.csv', 3],
      ['s3://demand/2025/03/04.csv.gz', 3],
    ])
    expect([...table.workloads[0]!.requests].filter((each) => !Number.isNaN(each))).toEqual([
      1, 2, 3, 1, 2, 3,
    ])
    expect((await read('s3://demand/2025/**/*.csv')).inputs).toHaveLength(2)
    expect((await read('s3://demand/odd/a[1]*.csv')).inputs[0]!.path).toBe('s3://demand/odd/a[1]*.csv')
    expect(leftFolders()).toEqual(before)
  })

  it('keeps what it fetches from other users, and removes it', async () => {
    const { byUrl, remove } = await fetchObjects(['s3://demand/2025/03/03.csv'])
    const [file] = byUrl.get('s3://demand/2025/03/03.csv')!
    expect(statSync(dirname(file!.path)).mode & 0o777).toBe(0o700)
    await remove()
    expect(() => statSync(file!.path)).toThrow(/ENOENT/)
  })

  it.each([
    ['s3://demand/2025/03/05.csv', 'S3_OBJECT_MISSING', 'badData', /has "2025\/03\/03.csv"/],
    [
      's3://demand/2025/03/*.parquet',
      'S3_OBJECT_MISSING',
      'badData',
      /no object; s3:\/\/demand\/2025\/03\/ has/,
    ],
    ['s3://demnad/2025/03/03.csv', 'S3_BUCKET_MISSING', 'badData', /there is no such bucket/],
    ['s3://demnad/*', 'S3_BUCKET_MISSING', 'badData', /there is no such bucket/],
    ['s3://demand', 'S3_URL_WRONG', 'badData', /it must be s3:\/\/BUCKET\/KEY/],
    [
      's3://demand/odd/cut.csv.gz',
      'FILE_UNREADABLE',
      'badData',
      /^s3:\/\/demand\/odd\/cut.csv.gz cannot be read/,
    ],
  ])('%s is %s', async (url, code, reason, message) => {
    const before = leftFolders()
    const error = await failure(read(url))
    expect(error).toMatchObject({ code, reason })
    expect(error.message).toMatch(message)
    expect(leftFolders()).toEqual(before)
  })

  it('a store that does not answer, and credentials that are missing or refused', async () => {
    const url = 's3://demand/2025/03/03.csv'
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:1')
    expect(await failure(read(url))).toMatchObject({ code: 'S3_UNREACHABLE', reason: 'upstreamUnavailable' })
    vi.stubEnv('AWS_ENDPOINT_URL_S3', store.endpoint)
    vi.stubEnv('AWS_REGION', undefined)
    expect(await failure(read(url))).toMatchObject({ code: 'S3_REGION_MISSING', reason: 'configInvalid' })
    vi.stubEnv('AWS_REGION', 'eu-west-1')
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    expect(await failure(read(url))).toMatchObject({ code: 'S3_NO_CREDENTIALS', reason: 'configInvalid' })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAUNKNOWN')
    await fetch(`${store.endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' })
    const refused = await failure(read(url))
    expect(refused).toMatchObject({ code: 'S3_ACCESS_DENIED', reason: 'upstreamUnavailable' })
    expect(refused.message).not.toContain('AKIAUNKNOWN')
  }, 30_000)
})
