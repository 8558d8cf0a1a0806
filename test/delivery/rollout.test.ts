import { expect, it } from 'vitest'
import type { ReceiptStep } from '../../src/delivery/receipt.js'
import { runRollout } from '../../src/delivery/rollout.js'
import { planRollout } from '../../src/planning/rollout.js'

it('a step that has to wait stays pending, and the others go on', async () => {
  const stacks = ['us', 'eu'].map((region) => ({ stack: region, region, layer: 'capacity' as const }))
  const states = new Map<string, ReceiptStep['state']>()
  await runRollout(planRollout(stacks), {
    parallel: 1,
    run: async ({ stack, step }) => (stack === 'eu' && step === 'contract' ? 'pending' : undefined),
    note: async ({ stack, step, state }) => {
      states.set(`${stack} ${step}`, state)
    },
  })
  expect(Object.fromEntries(states)).toEqual({
    'eu expand': 'done',
    'eu contract': 'pending',
    'us expand': 'done',
    'us contract': 'done',
  })
})
