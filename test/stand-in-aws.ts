import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the stand-in says; a test changes it between requests. */
interface StandInAccount {
  /** Quota code → vCPUs that were granted to the account. */
  quotas: Record<string, number>
  /** Quota code → vCPUs that every account has. */
  defaultQuotas: Record<string, number>
  /** Instance type → zones. */
  zones: Record<string, string[]>
  spotScores: Record<string, number>
  /** Action → code of the error that it answers, so many times. */
  errors: Record<string, { code: string; status: number; times: number }>
  /** Actions with what they were asked, in order. */
  requests: { action: string; parameters: Record<string, string> }[]
}

export interface StandInAws {
  account: StandInAccount
  /** What the AWS SDK reads; nothing of the machine's own settings. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/**
 * A stand-in on loopback for the few actions of EC2 (its query protocol) and Service Quotas (JSON 1.1) that are asked
 * before an apply; it checks no signatures.
 */
export async function startAws(): Promise<StandInAws> {
  const account: StandInAccount = {
    quotas: {},
    defaultQuotas: {},
    zones: {},
    spotScores: {},
    errors: {},
    requests: [],
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '').split('.')[1]
      const parameters: Record<string, string> = target
        ? JSON.parse(body)
        : Object.fromEntries(new URLSearchParams(body))
      const action = target ?? parameters['Action'] ?? ''
      account.requests.push({ action, parameters })
      const error = account.errors[action]
      const failure = error !== undefined && error.times-- > 0 ? error : undefined
      const reply = target
        ? answerQuotas(account, action, parameters, failure)
        : answerEc2(account, action, parameters, failure)
      response.writeHead(reply.status, {
        'content-type': target ? 'application/x-amz-json-1.1' : 'text/xml;charset=UTF-8',
      })
      response.end(reply.body)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    account,
    environment: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'AKIASTANDIN',
      AWS_SECRET_ACCESS_KEY: 'not-a-secret',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

interface Reply {
  status: number
  body: string
}

function answerQuotas(
  account: StandInAccount,
  action: string,
  { QuotaCode = '' }: Record<string, string>,
  failure: { code: string; status: number } | undefined,
): Reply {
  if (failure !== undefined)
    return { status: failure.status, body: JSON.stringify({ __type: failure.code, message: 'AKIASTANDIN' }) }
  const value = (action === 'GetServiceQuota' ? account.quotas : account.defaultQuotas)[QuotaCode]
  return value === undefined
    ? { status: 400, body: JSON.stringify({ __type: 'NoSuchResourceException', message: QuotaCode }) }
    : { status: 200, body: JSON.stringify({ Quota: { ServiceCode: 'ec2', QuotaCode, Value: value } }) }
}

function answerEc2(
  account: StandInAccount,
  action: string,
  parameters: Record<string, string>,
  failure: { code: string; status: number } | undefined,
): Reply {
  if (failure !== undefined)
    return {
      status: failure.status,
      body: `<Response><Errors><Error><Code>${failure.code}</Code><Message>AKIASTANDIN</Message></Error></Errors></Response>`,
    }
  const items =
    action === 'DescribeInstanceTypeOfferings'
      ? Object.entries(account.zones)
          .filter(([type]) => Object.values(parameters).includes(type))
          .flatMap(([type, zones]) =>
            zones.map(
              (zone) =>
                `<instanceType>${type}</instanceType><locationType>availability-zone</locationType><location>${zone}</location>`,
            ),
          )
      : Object.entries(account.spotScores).map(
          ([region, score]) => `<region>${region}</region><score>${score}</score>`,
        )
  const set = action === 'DescribeInstanceTypeOfferings' ? 'instanceTypeOfferingSet' : 'spotPlacementScoreSet'
  return {
    status: 200,
    body: `<${action}Response><${set}>${items.map((item) => `<item>${item}</item>`).join('')}</${set}></${action}Response>`,
  }
}
