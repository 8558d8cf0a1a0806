import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkCloud } from '../../src/delivery/aws-cloud.js'
import { servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { type StandInAws, startAws } from '../stand-in-aws.js'

const region = 'us-east-1'
const configOf = (zones?: string[]) =>
  servingConfig(zones === undefined ? {} : { clusters: { [region]: { zones } } })
const pools = [pool({ maximumNodes: 12 }), pool({ capacityType: 'spot', maximumNodes: 8, weight: 10 })]
const { decision } = capacityPlan({ pools })
const check = (config = configOf()) => checkCloud({ decision, region, config })
const text = async (config = configOf()) =>
  (await check(config)).map(({ guard, state, message }) => `${guard} ${state}: ${message}`)

describe('checkCloud on a stand-in for AWS', () => {
  let aws: StandInAws

  beforeAll(async () => {
    aws = await startAws()
  })
  afterAll(() => aws.stop())
  beforeEach(() => {
    vi.unstubAllEnvs()
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined)
    for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value)
    Object.assign(aws.account, {
      quotas: { 'L-417A185B': 3840, 'L-C4BD4855': 1536 },
      defaultQuotas: {},
      zones: { 'p5.48xlarge': ['us-east-1b', 'us-east-1a'] },
      spotScores: { [region]: 2 },
      errors: {},
      requests: [],
    })
    return () => vi.unstubAllEnvs()
  })

  it('asks for what the plan needs, and judges it', async () => {
    expect(await text()).toEqual([
      'quota passed: Running On-Demand P instances (L-417A185B) allows 3,840 vCPUs to all instances of the account in us-east-1, the plan needs at ' +
        'most 2,304; All P5 Spot Instance Requests (L-C4BD4855) allows 1,536 vCPUs to all instances of the account in us-east-1, the plan needs at ' +
        'most 1,536',
      'availability passed: p5.48xlarge in us-east-1a, us-east-1b; spot placement score 2 of 10 for 8 nodes: they ' +
        'may not come; EC2 scores fewer than 3 instance types low',
    ])
    const score = aws.account.requests.find(({ action }) => action === 'GetSpotPlacementScores')!
    expect(score.parameters).toMatchObject({ 'InstanceType.1': 'p5.48xlarge', TargetCapacity: '8' })
  })

  it('takes the default of an account that never had another quota', async () => {
    aws.account.quotas = { 'L-C4BD4855': 1536 }
    aws.account.defaultQuotas = { 'L-417A185B': 0 }
    expect(await check()).toMatchObject([
      { guard: 'quota', state: 'refused', code: 'QUOTA_TOO_LOW' },
      { guard: 'availability', state: 'passed' },
    ])
  })

  it('refuses where the region, or the zones of the cluster, lack the type; a score that is missing is told', async () => {
    expect((await text(configOf(['us-east-1c'])))[1]).toMatch(
      /^availability refused: p5.48xlarge is offered in us-east-1a, us-east-1b, but the cluster has subnets only in/,
    )
    aws.account.spotScores = {}
    expect((await text())[1]).toContain('not known: AWS has no answer to ec2:GetSpotPlacementScores')
    aws.account.zones = {}
    expect((await text())[1]).toMatch(/^availability refused: us-east-1 does not offer p5.48xlarge/)
  })

  it('tries again where AWS throttles', async () => {
    aws.account.errors = {
      GetServiceQuota: { code: 'TooManyRequestsException', status: 429, times: 1 },
      DescribeInstanceTypeOfferings: { code: 'RequestLimitExceeded', status: 503, times: 1 },
    }
    expect((await check()).map(({ state }) => state)).toEqual(['passed', 'passed'])
  })

  it.each(['RequestExpired', 'ExpiredToken'])('%s: the credential has expired', async (code) => {
    aws.account.errors = { DescribeInstanceTypeOfferings: { code, status: 400, times: 9 } }
    expect(await check()).toMatchObject([
      {
        guard: 'quota',
        state: 'refused',
        reason: 'upstreamUnavailable',
        code: 'AWS_CREDENTIALS_EXPIRED',
        message:
          'the AWS credentials have expired. Run aws sso login, or give new ones; in a workflow, ask for the role again.',
      },
      { guard: 'availability', state: 'not-checked' },
    ])
  })

  it('a refused credential is told without naming it', async () => {
    aws.account.errors = { GetServiceQuota: { code: 'UnrecognizedClientException', status: 400, times: 9 } }
    const verdicts = await check()
    expect(verdicts[0]).toMatchObject({ code: 'AWS_CREDENTIALS_REFUSED', reason: 'upstreamUnavailable' })
    expect(JSON.stringify(verdicts)).not.toContain('AKIASTANDIN')
  })

  it('what it may not ask is not checked, alone', async () => {
    aws.account.errors = {
      GetServiceQuota: { code: 'AccessDeniedException', status: 400, times: 9 },
      GetSpotPlacementScores: { code: 'UnauthorizedOperation', status: 403, times: 9 },
    }
    expect(await text()).toEqual([
      'quota not-checked: the AWS credentials lack the permission servicequotas:GetServiceQuota',
      'availability passed: p5.48xlarge in us-east-1a, us-east-1b; spot placement score not known: the AWS ' +
        'credentials lack the permission ec2:GetSpotPlacementScores',
    ])
  })

  it('without credentials, or off AWS, nothing is asked', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    const because =
      'there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where ' +
      'a role is attached'
    expect(await text()).toEqual([`quota not-checked: ${because}`, `availability not-checked: ${because}`])
    const elsewhere = capacityPlan({ pools: [pool({ region: 'berlin' })] }).decision
    expect(
      (await checkCloud({ decision: elsewhere, region: 'berlin', config: configOf() })).map(
        ({ message }) => message,
      ),
    ).toEqual(['berlin is no region of AWS', 'berlin is no region of AWS'])
    expect(aws.account.requests).toEqual([])
  })

  it('an AWS that cannot be reached is not checked', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1')
    expect((await text())[0]).toBe(
      'quota not-checked: AWS does not answer servicequotas:GetServiceQuota (ECONNREFUSED)',
    )
  })
})
