import { expect, it } from 'vitest'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan } from '../plan-fixture.js'
import { chatTarget, servingConfig } from './config-fixture.js'

const withSelector = { target: { ...chatTarget, selector: { app: 'chat' } } }
const render = (workload: object) =>
  createManifests(capacityPlan({ pools: [] }).decision, 'us-east-1', servingConfig({}, workload))

it('takes a share of the pods that the selector finds', () => {
  const budgetOf = (disruptionBudget: number | string) =>
    render({ ...withSelector, disruptionBudget }).find(({ kind }) => kind === 'PodDisruptionBudget')
  expect(budgetOf('25%')).toMatchObject({
    spec: { maxUnavailable: '25%', selector: { matchLabels: { app: 'chat' } } },
  })
  // 0.4 % of any number of pods must still let a drain end; 0 says that none may go.
  expect(budgetOf(0.004)).toMatchObject({ spec: { maxUnavailable: '1%' } })
  expect(budgetOf(0)).toMatchObject({ spec: { maxUnavailable: '0%' } })
})

it('is refused, in the configuration, where nobody says which pods are the target’s', () => {
  expect(() => render({ disruptionBudget: '25%' })).toThrow(
    /llmscale\.yaml:1:\d+ workloads\[0\]\.disruptionBudget: needs target\.selector/,
  )
})

it('gives each priority one class, before what may name it', () => {
  expect(render({ priority: 1000 })[0]).toMatchObject({
    kind: 'PriorityClass',
    metadata: { name: 'p1000-prod' },
    value: 1000,
    globalDefault: false,
  })
})
