import { expect, it } from 'vitest'
import { formatStackName, parseStackName } from '../../stacks/index.js'

it('reads the stack names that it writes, and refuses others by their form', () => {
  for (const layer of ['serving', 'capacity'] as const) {
    const name = { environment: 'prod', region: 'us-east-1', layer }
    expect(parseStackName(formatStackName(name))).toEqual(name)
  }
  for (const wrong of [
    'prod',
    'prod.us-east-1',
    'prod.us-east-1.cluster',
    'prod.us-east-1.serving.x',
    '..serving',
  ])
    expect(() => parseStackName(wrong)).toThrow(
      /is not <environment>\.<region>\.<layer>, with layer capacity or serving/,
    )
})
