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

  it('show values, and no secret: neither what the engine masks nor what looks like one', () => {
    const [updated] = [
      step('update', 'a', ['spec.max', 'spec.auth.token', 'data["db.password"]', 'spec.list[1].x']),
    ]
    const state = (max: number) => ({
      inputs: {
        spec: { max, auth: { token: `t${max}` }, list: [{ x: 0 }, { x: max }] },
        data: { 'db.password': `p${max}` },
      },
    })
    Object.assign(updated!.resourcePreEvent!.metadata, { old: state(1), new: state(2) })
    const { changes } = createChangeSet([updated!], '3.246.0')
    expect(changes[0]?.values).toEqual({
      'spec.max': { from: 1, to: 2 },
      'spec.auth.token': { from: '[secret]', to: '[secret]' },
      'data["db.password"]': { from: '[secret]', to: '[secret]' },
      'spec.list[1].x': { from: 1, to: 2 },
    })
    const inContainer = (value: string) => ({
      inputs: {
        url: `https://bot:${value}@x`,
        env: [{ name: 'HF_TOKEN', value }],
        args: ['--api-key', value],
      },
    })
    const [env] = [step('update', 'b', ['env[0].value', 'args[1]', 'url'])]
    Object.assign(env!.resourcePreEvent!.metadata, {
      old: inContainer('hunter2'),
      new: inContainer('hunter3'),
    })
    expect(JSON.stringify(createChangeSet([env!], '3.246.0'))).not.toContain('hunter')
    const created = step('create', 'a')
    const digestOf = (inputs: object) => {
      Object.assign(created.resourcePreEvent!.metadata, { new: { inputs } })
      return createChangeSet([created], '3.246.0').changes[0]?.digest
    }
    expect(digestOf({ b: 1, token: 'x' })).toBe(digestOf({ token: 'y', b: 1 }))
    expect(digestOf({ b: 1 })).not.toBe(digestOf({ b: 2 }))
  })

  it('do not see how an object is written, only what is in it', () => {
    const force = { 'pulumi.com/patchForce': 'true' }
    const update = step('update', 'a', ['metadata.annotations'])
    Object.assign(update.resourcePreEvent!.metadata, {
      old: { inputs: { metadata: { name: 'a' } } },
      new: { inputs: { metadata: { name: 'a', annotations: force } } },
    })
    expect(createChangeSet([update], '3.246.0').changes).toEqual([])
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
