import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/explain.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'
import { projectFolder } from '../project-fixture.js'
import { runCommand } from '../run-command.js'

const cwd = projectFolder(
  capacityPlan({
    workloads: [
      workloadDecision(),
      workloadDecision({ model: 'm/large' }),
      workloadDecision({ model: 'm/large', region: 'eu-west-1' }),
    ],
  }),
)

describe('llmscale explain', () => {
  it.each([
    ['chat-70b', ['chat-70b/us-east-1']],
    ['chat-70b/us-east-1', ['chat-70b/us-east-1']],
    ['m/large', ['m/large/us-east-1', 'm/large/eu-west-1']],
  ])('takes %s for %j', async (name, ids) => {
    const { code, stdout } = await runCommand(['explain', name, '--json'], { cwd })
    expect(code).toBe(0)
    const { workloads } = Result.parse(JSON.parse(stdout).result)
    expect(workloads.map(({ model, region }) => `${model}/${region}`)).toEqual(ids)
  })

  it('names the workloads and the nearest where there is none of a name', async () => {
    const { code, stderr } = await runCommand(['explain', 'chat-7b'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toBe(
      'Error: "chat-7b" is not in the plan; it has chat-70b/us-east-1, m/large/us-east-1, m/large/eu-west-1\n' +
        'Try this: llmscale explain chat-70b\n',
    )
  })
})
