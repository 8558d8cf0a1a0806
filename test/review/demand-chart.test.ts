import { describe, expect, it } from 'vitest'
import { chartPath, drawDemandChart, drawDemandCharts } from '../../src/review/demand-chart.js'
import { hostileNames, inForce, pullRequests } from './pull-request-fixture.js'

const { plan } = pullRequests['growth']!
const [decision] = plan.decision.workloads
const [report] = plan.reports

describe('the chart of a workload', () => {
  it('is as people looked at it', async () => {
    const past = [3, 2, 1].map((day) => ({ date: `2026-10-${32 - day}`, replicas: 20 + day }))
    await expect(drawDemandChart(decision!, report!, past)).toMatchFileSnapshot(
      '../golden/review/demand-chart.svg',
    )
  })

  it('is small, and the same for the same plan', () => {
    const chart = drawDemandChart(decision!, report!)!
    expect(chart.length).toBeLessThan(20_000)
    expect(drawDemandChart(decision!, report!)).toBe(chart)
  })

  it('is not drawn where no peak is forecast', () => {
    expect(drawDemandChart(decision!, { ...report!, dailyPeakReplicas: [] })).toBeUndefined()
  })

  it.each(hostileNames)('shows %j as text', (model) => {
    const elements = (svg: string) => svg.match(/<[^>]*>/g)
    const chart = drawDemandChart({ ...decision!, model, timeZone: 'UTC' }, report!)!
    const plain = drawDemandChart({ ...decision!, model: 'm', timeZone: 'UTC' }, report!)!
    expect(elements(chart)).toEqual(elements(plain))
    expect(chart.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
  })

  it('is drawn of workloads that change', () => {
    expect([...drawDemandCharts(plan, inForce).keys()]).toEqual([chartPath(decision!)])
    expect(drawDemandCharts(plan, undefined).size).toBe(2)
    expect(drawDemandCharts(plan, plan).size).toBe(0)
    // Read from files, keys stand in another order.
    const reordered = structuredClone(plan)
    reordered.decision.workloads = plan.decision.workloads.map(
      (each) => Object.fromEntries(Object.entries(each).reverse()) as typeof each,
    )
    expect(drawDemandCharts(plan, reordered).size).toBe(0)
  })
})
