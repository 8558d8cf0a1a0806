import { describe, expect, it } from 'vitest'
import { parseHiddenKey } from '../../src/review/hidden-key.js'
import { writePullRequest } from '../../src/review/pull-request.js'
import { baseCommit, pullRequests } from './pull-request-fixture.js'

describe('the body of a pull request', () => {
  it.each(Object.entries(pullRequests))('of %s is as people looked at it', async (name, inputs) => {
    const { title, body } = writePullRequest(inputs)
    await expect(`${title}\n\n${body}`).toMatchFileSnapshot(`../golden/pull-requests/${name}.md`)
  })

  it.each(Object.entries(pullRequests))('of %s begins with its key', (_name, { plan, ...inputs }) => {
    expect(parseHiddenKey(writePullRequest({ plan, ...inputs }).body)).toEqual({
      environment: 'prod',
      planId: plan.planId,
      validAt: plan.header.origin,
      expiresAt: plan.header.validUntil,
      base: baseCommit,
    })
  })
})
