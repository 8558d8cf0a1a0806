import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPlan, writePlan } from '../../src/delivery/plan-folder.js'
import { chartPath, drawDemandCharts } from '../../src/review/demand-chart.js'
import { inForce, pullRequests } from '../review/pull-request-fixture.js'
import { emptyFolder } from '../run-cli.js'

const { plan: raised } = pullRequests['growth']!
const { plan: fewer } = pullRequests['deletion']!

describe('charts beside a plan', () => {
  it('are written with it, stay where nothing changes, and go with their workload', async () => {
    const folder = emptyFolder()
    const write = (...[plan, base]: Parameters<typeof drawDemandCharts>) =>
      writePlan(folder, plan, drawDemandCharts(plan, base))
    expect(await write(inForce, undefined)).toHaveLength(5)
    expect(await write(raised, inForce)).toHaveLength(4)
    expect(readdirSync(join(folder, 'charts'))).toHaveLength(2)
    expect(await readPlan(folder)).toEqual(raised)

    await write(fewer, raised)
    expect(readdirSync(join(folder, 'charts'))).toEqual([
      chartPath(fewer.decision.workloads[0]!).slice('charts/'.length),
    ])
    expect(existsSync(join(folder, chartPath(raised.decision.workloads[0]!)))).toBe(true)
  })
})
