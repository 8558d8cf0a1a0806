import type { Table } from './table.js'

interface Step {
  stack: string
  step: string
  state: string
  changed: Readonly<Record<string, number>>
  error: string | null
}

/** How far each step of an apply came. */
export function tabulateSteps(steps: readonly Step[]): Table {
  return {
    columns: [{ header: 'step' }, { header: 'stack' }, { header: 'state' }, { header: 'changed' }],
    rows: steps.map(({ step, stack, state, changed, error }) => [
      step,
      stack,
      state,
      error?.split('\n')[0] ?? describeCounts(changed),
    ]),
  }
}

/** `2 created, 1 updated` */
function describeCounts(changed: Readonly<Record<string, number>>): string {
  const words: Record<string, string> = {
    create: 'created',
    update: 'updated',
    delete: 'deleted',
    replace: 'replaced',
  }
  return Object.entries(changed)
    .filter(([, count]) => count > 0)
    .map(([op, count]) => `${count} ${words[op] ?? op}`)
    .join(', ')
}

/** One line for a run that did not come to its end, and what it left. */
export function describeUnfinished(receipt: {
  id: string
  by: string
  planId: string
  state: string
  steps: readonly Step[]
}): string {
  const open = receipt.steps
    .filter(({ state }) => state !== 'done')
    .map(({ step, stack }) => `${step} of ${stack}`)
  const left = open.length === 0 ? 'all steps were done' : `left: ${open.join(', ')}`
  return `run ${receipt.id} of plan ${receipt.planId.slice(0, 12)} by ${receipt.by} ${receipt.state}; ${left}`
}
