import type { EC2Client } from '@aws-sdk/client-ec2'
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { checkAvailability, spotRequest } from '../planning/availability.js'
import type { PlanDecision } from '../planning/capacity-plan.js'
import type { Answer, CloudLimits } from '../planning/cloud-limits.js'
import type { GuardVerdict } from '../planning/guards.js'
import { checkQuota, launchedPools, quotaCodes } from '../planning/quota.js'

// Loads the AWS SDK lazily: most runs ask AWS nothing.

const connectMilliseconds = 5000
const idleMilliseconds = 20_000
/** The SDK waits longer between tries where AWS throttles. */
const mostTries = 5

export interface CloudQuestion {
  decision: PlanDecision
  region: string
  config: Config
}

/**
 * Whether the AWS account may launch the plan's nodes in a region, and whether the region has them: the guards `quota`
 * and `availability`. Credentials and endpoint are those of the AWS SDK (AWS_PROFILE, AWS_ENDPOINT_URL …); the region
 * is the plan's. Without credentials, permission or an answer the verdict is not-checked; credentials that AWS no
 * longer takes are refused as AWS_CREDENTIALS_EXPIRED or AWS_CREDENTIALS_REFUSED, `upstreamUnavailable`.
 */
export async function checkCloud({ decision, region, config }: CloudQuestion): Promise<GuardVerdict[]> {
  const zones = config.environments[decision.environment]?.clusters[region]?.zones
  const judge = (limits: CloudLimits) => [
    checkQuota(decision, region, limits),
    checkAvailability(decision, region, limits, zones),
  ]
  if (launchedPools(decision, region).length === 0) return judge(unasked('nothing to ask for'))
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) return judge(unasked(`${region} is no region of AWS`))
  try {
    return judge(await readCloudLimits(decision, region))
  } catch (cause) {
    if (!(cause instanceof LlmscaleError)) throw cause
    const { reason, code, message, tryThis } = cause
    const [, availability] = judge(unasked('AWS does not take the credentials'))
    return [
      { guard: 'quota', state: 'refused', reason, code, message: [message, ...tryThis].join('. ') },
      availability!,
    ]
  }
}

function unasked(because: string): CloudLimits {
  const unknown = { known: false, because } as const
  return { vcpuQuotas: unknown, zones: unknown, spotScore: unknown }
}

/** Throws AWS_CREDENTIALS_EXPIRED and AWS_CREDENTIALS_REFUSED. */
async function readCloudLimits(decision: PlanDecision, region: string): Promise<CloudLimits> {
  // The package says which versions of Node it runs on; the SDK would print its own opinion on stderr.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas')
  const settings = {
    region,
    maxAttempts: mostTries,
    requestHandler: { connectionTimeout: connectMilliseconds, requestTimeout: idleMilliseconds },
  }
  const quotas = new ServiceQuotasClient(settings)
  try {
    if (!(await hasCredentials(quotas)))
      return unasked(
        'there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run ' +
          'where a role is attached',
      )
    // Two megabytes: not before somebody can be asked.
    const { EC2Client } = await import('@aws-sdk/client-ec2')
    return await askCloud({ ec2: new EC2Client(settings), quotas }, decision, region)
  } finally {
    quotas.destroy()
  }
}

async function askCloud(
  { ec2, quotas }: { ec2: EC2Client; quotas: ServiceQuotasClient },
  decision: PlanDecision,
  region: string,
): Promise<CloudLimits> {
  try {
    const { types, nodes } = spotRequest(decision, region)
    const [vcpuQuotas, zones, spotScore] = await Promise.all([
      answer('servicequotas:GetServiceQuota', () => readQuotas(quotas, quotaCodes(decision, region))),
      answer('ec2:DescribeInstanceTypeOfferings', () =>
        readZones(
          ec2,
          launchedPools(decision, region).map(({ instanceType }) => instanceType),
        ),
      ),
      nodes === 0
        ? ({ known: false, because: 'no spot nodes' } as const)
        : answer('ec2:GetSpotPlacementScores', () => readSpotScore(ec2, region, types, nodes)),
    ])
    return { vcpuQuotas, zones, spotScore }
  } finally {
    ec2.destroy()
  }
}

async function hasCredentials(client: ServiceQuotasClient): Promise<boolean> {
  try {
    await client.config.credentials()
    return true
  } catch (cause) {
    const { message } = cause as Error
    // Sessions of the AWS CLI say so themselves; every other way to have none ends the chain of providers.
    if (/expired|sso login|reauthenticate/i.test(message)) throw credentialsExpired()
    return false
  }
}

async function readQuotas(
  client: ServiceQuotasClient,
  codes: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand } = await import(
    '@aws-sdk/client-service-quotas'
  )
  const values = new Map<string, number>()
  // One after the other: the service takes few requests a second.
  for (const QuotaCode of codes) {
    const request = { ServiceCode: 'ec2', QuotaCode }
    try {
      const { Quota } = await client.send(new GetServiceQuotaCommand(request)).catch((cause) => {
        // An account that never had another value has only the default one.
        if (!isMissing(cause)) throw cause
        return client.send(new GetAWSDefaultServiceQuotaCommand(request))
      })
      if (Quota?.Value !== undefined) values.set(QuotaCode, Quota.Value)
    } catch (cause) {
      if (!isMissing(cause)) throw cause
    }
  }
  return values
}

function isMissing(cause: unknown): boolean {
  return (cause as Error).name === 'NoSuchResourceException'
}

async function readZones(
  client: EC2Client,
  types: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { paginateDescribeInstanceTypeOfferings } = await import('@aws-sdk/client-ec2')
  const zones = new Map<string, string[]>()
  const pages = paginateDescribeInstanceTypeOfferings(
    { client },
    {
      LocationType: 'availability-zone',
      Filters: [{ Name: 'instance-type', Values: [...new Set(types)] }],
    },
  )
  for await (const { InstanceTypeOfferings } of pages)
    for (const { InstanceType, Location } of InstanceTypeOfferings ?? [])
      if (InstanceType !== undefined && Location !== undefined)
        zones.set(InstanceType, [...(zones.get(InstanceType) ?? []), Location].sort())
  return zones
}

async function readSpotScore(
  client: EC2Client,
  region: string,
  types: readonly string[],
  nodes: number,
): Promise<number | undefined> {
  const { GetSpotPlacementScoresCommand } = await import('@aws-sdk/client-ec2')
  const { SpotPlacementScores } = await client.send(
    new GetSpotPlacementScoresCommand({
      InstanceTypes: [...types],
      TargetCapacity: nodes,
      TargetCapacityUnitType: 'units',
      RegionNames: [region],
    }),
  )
  return SpotPlacementScores?.find(({ Region }) => Region === region)?.Score
}

interface ServiceError extends Error {
  code?: string
}

/** Only what AWS calls its error is told: its own messages may hold an access key. */
async function answer<T>(permission: string, ask: () => Promise<T | undefined>): Promise<Answer<T>> {
  try {
    const value = await ask()
    return value === undefined
      ? { known: false, because: `AWS has no answer to ${permission}` }
      : { known: true, value }
  } catch (cause) {
    const { name, code } = cause as ServiceError
    if (/^(ExpiredToken|ExpiredTokenException|RequestExpired)$/.test(name)) throw credentialsExpired()
    if (/^(AuthFailure|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch)$/.test(name))
      throw new LlmscaleError(
        'upstreamUnavailable',
        'AWS_CREDENTIALS_REFUSED',
        `AWS refuses the credentials (${name})`,
        ['Check AWS_PROFILE or AWS_ACCESS_KEY_ID, and that the region is enabled for the account.'],
      )
    if (/^(UnauthorizedOperation|AccessDenied|AccessDeniedException)$/.test(name))
      return { known: false, because: `the AWS credentials lack the permission ${permission}` }
    return { known: false, because: `AWS does not answer ${permission} (${code ?? name})` }
  }
}

function credentialsExpired(): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'AWS_CREDENTIALS_EXPIRED',
    'the AWS credentials have expired',
    ['Run aws sso login, or give new ones; in a workflow, ask for the role again.'],
  )
}
