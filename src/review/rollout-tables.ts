import { parseUrn } from '../planning/change-set.js'
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

/** What all steps did together, and what waits: `2 created, 1 updated`. */
export function describeOutcome(steps: readonly Step[]): string {
  const totals: Record<string, number> = {}
  for (const { changed } of steps)
    for (const [op, count] of Object.entries(changed)) totals[op] = (totals[op] ?? 0) + count
  const waiting = steps
    .filter(({ state }) => state === 'pending')
    .map(({ step, stack }) => `${step} of ${stack}`)
  const waits = waiting.length === 0 ? '' : `; for the next apply: ${waiting.join(', ')}`
  return `${describeCounts(totals) || 'nothing was to change'}${waits}`
}

/** What deleting a stack would take away. */
export interface StackDeletion {
  stack: string
  /** It is not in the plan any more. */
  isOrphan: boolean
  /** By urn. */
  deletes: string[]
  /** What is protected stays. */
  keeps: string[]
}

/** A row for each resource that goes, and for each that stays. */
export function tabulateDeletions(stacks: readonly StackDeletion[]): Table {
  return {
    columns: [{ header: 'stack' }, { header: 'change' }, { header: 'kind' }, { header: 'name' }],
    rows: stacks.flatMap(({ stack, isOrphan, deletes, keeps }) => {
      const place = isOrphan ? `${stack} (not in the plan)` : stack
      const row = (change: string) => (urn: string) => {
        const { type, name } = parseUrn(urn)
        return [place, change, type.split(':').at(-1)!, name]
      }
      return [...deletes.map(row('delete')), ...keeps.map(row('stays, protected'))]
    }),
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
