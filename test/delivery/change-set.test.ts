import type { EngineEvent } from '@pulumi/pulumi/automation/index.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createChangeSet } from '../../src/delivery/change-set.js'
import { describeChanges, tabulateChanges } from '../../src/review/preview-tables.js'

const provider = 'urn:pulumi:s::llmscale::pulumi:providers:kubernetes::default_4_34_2::id'
const step = (op: string, name: string, paths: string[] = [], from = provider): EngineEvent => {
  const type = 'kubernetes:keda.sh/v1alpha1:ScaledObject'
  const detailedDiff = Object.fromEntries(
    paths.map((path) => [path, { diffKind: 'update', inputDiff: true }]),
  )
  return {
    sequence: 0,
    timestamp: 0,
    resourcePreEvent: {
      metadata: {
        op,
        urn: `urn:pulumi:prod.r.serving::llmscale::llmscale:serving:Autoscaler$${type}::${name}`,
        type,
        provider: from,
        ...(paths.length > 0 && { detailedDiff }),
      },
    },
  } as EngineEvent
}

describe('change sets', () => {
  it('are the same whatever the order of events', () => {
    const events = [
      step('create', 'a'),
      step('update', 'b', ['spec.y', 'spec.x']),
      step('delete', 'c'),
      step('same', 'd'),
    ]
    const expected = createChangeSet(events, '3.246.0')
    expect(expected.changes.map(({ op, paths }) => [op, paths])).toEqual([
      ['create', []],
      ['update', ['spec.x', 'spec.y']],
      ['delete', []],
    ])
    expect(expected.providerVersions).toEqual({ kubernetes: '4.34.2' })
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        expect(createChangeSet(shuffled, '3.246.0')).toEqual(expected)
      }),
    )
  })

  it('name a replacement once, and no component', () => {
    const steps = ['create-replacement', 'replace', 'delete-replaced'].map((op) => step(op, 'a', ['spec.x']))
    const { changes } = createChangeSet([...steps, step('create', 'component', [], '')], '3.246.0')
    expect(changes.map(({ op }) => op)).toEqual(['replace'])
  })

  it('are told with deletions first', () => {
    const changeSet = createChangeSet(
      [step('create', 'a'), step('update', 'b', ['spec.x']), step('delete', 'd')],
      '3.246.0',
    )
    expect(tabulateChanges(changeSet).rows).toEqual([
      ['delete', 'ScaledObject', 'd', ''],
      ['create', 'ScaledObject', 'a', ''],
      ['update', 'ScaledObject', 'b', 'spec.x'],
    ])
    expect(describeChanges(changeSet)).toBe('1 to delete, 1 to update, 1 to create')
    expect(describeChanges(createChangeSet([], '3.246.0'))).toBe('No change')
  })
})
