import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'

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
 * @param cloud folder of the objects that the stand-in for the AWS provider has made; none where it is left out
 */
export async function startAws(cloud?: string): Promise<StandInAws> {
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
        : answerEc2(account, action, parameters, failure, cloud)
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
  cloud: string | undefined,
): Reply {
  if (failure !== undefined)
    return {
      status: failure.status,
      body: `<Response><Errors><Error><Code>${failure.code}</Code><Message>AKIASTANDIN</Message></Error></Errors></Response>`,
    }
  const { set, items } = listItems(account, action, parameters, cloud)
  return {
    status: 200,
    body: `<${action}Response><${set}>${items.map((item) => `<item>${item}</item>`).join('')}</${set}></${action}Response>`,
  }
}

function listItems(
  account: StandInAccount,
  action: string,
  parameters: Record<string, string>,
  cloud: string | undefined,
): { set: string; items: string[] } {
  switch (action) {
    case 'DescribeInstanceTypeOfferings':
      return {
        set: 'instanceTypeOfferingSet',
        items: Object.entries(account.zones)
          .filter(([type]) => Object.values(parameters).includes(type))
          .flatMap(([type, zones]) =>
            zones.map(
              (zone) =>
                `<instanceType>${type}</instanceType><locationType>availability-zone</locationType><location>${zone}</location>`,
            ),
          ),
      }
    case 'DescribeLaunchTemplates':
      return {
        set: 'launchTemplates',
        items: readObjects(cloud, 'aws:ec2/launchTemplate:LaunchTemplate')
          .filter(({ inputs }) => matches({ 'launch-template-name': inputs['name'] }, parameters))
          .map(({ id }) => `<launchTemplateId>${id}</launchTemplateId>`),
      }
    case 'DescribeCapacityReservations':
      return {
        set: 'capacityReservationSet',
        items: readObjects(cloud, 'aws:ec2/capacityReservation:CapacityReservation')
          .filter(({ inputs: { tags, instanceType, availabilityZone } }) =>
            matches(
              {
                ...Object.fromEntries(
                  Object.entries(tags as object).map(([key, value]) => [`tag:${key}`, value]),
                ),
                'instance-type': instanceType,
                'availability-zone': availabilityZone,
                state: 'active',
              },
              parameters,
            ),
          )
          .map(({ id }) => `<capacityReservationId>${id}</capacityReservationId>`),
      }
    default:
      return {
        set: 'spotPlacementScoreSet',
        items: Object.entries(account.spotScores).map(
          ([region, score]) => `<region>${region}</region><score>${score}</score>`,
        ),
      }
  }
}

/** What the stand-in for the AWS provider made of one type. */
function readObjects(
  cloud: string | undefined,
  type: string,
): { id: string; inputs: Record<string, unknown> }[] {
  const folder = cloud === undefined ? undefined : join(cloud, 'aws', encodeURIComponent(type))
  if (folder === undefined || !existsSync(folder)) return []
  return readdirSync(folder).map((file) => ({
    id: decodeURIComponent(basename(file, '.json')),
    inputs: JSON.parse(readFileSync(join(folder, file), 'utf8')),
  }))
}

/** Whether an object is what all filters ask for: `Filter.1.Name`, `Filter.1.Value.1`, … */
function matches(fields: Record<string, unknown>, parameters: Record<string, string>): boolean {
  return Object.entries(parameters)
    .filter(([key]) => /^Filter\.\d+\.Name$/.test(key))
    .every(([key, name]) =>
      Object.entries(parameters).some(
        ([other, value]) =>
          other.startsWith(key.replace(/Name$/, 'Value.')) && value === String(fields[name]),
      ),
    )
}
