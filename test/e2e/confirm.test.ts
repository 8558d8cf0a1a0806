import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { runOnTerminal } from '../terminal.js'

const question = 'Only yes is taken for an answer: '
const asOf = ['--as-of', '2026-11-02T00:00:00Z']

const destroySuite = `the question before a destroy, on a terminal${engineNote}`

describe.skipIf(engineFolder === undefined)(destroySuite, { timeout: 240_000 }, () => {
  it.each([
    ['another word', 'y\r', 8, 'Nothing was changed.'],
    ['Ctrl-D', '\x04', 8, 'Nothing was changed.'],
    ['Ctrl-C', '\x03', 130, 'Interrupted. Nothing was changed.'],
  ])('takes %s for no', async (_what, keys, code, message) => {
    const cwd = projectFolder(capacityPlan())
    const run = runOnTerminal(['destroy', '--allow-delete', 'prod'], { cwd, env: engineEnvironment })
    await run.shows(`Delete this from prod? ${question}`)
    run.type(keys)
    const { code: ended, screen } = await run.end
    expect([ended, screen.split('\n').at(-2)]).toEqual([code, expect.stringContaining(`Error: ${message}`)])
    expect(existsSync(join(cwd, '.llmscale/state'))).toBe(false)
  })
})

describe.skipIf(engineFolder === undefined)(
  `the question before an apply, on a terminal${engineNote}`,
  { timeout: 600_000 },
  () => {
    it('shows what changes and locks nothing; more than that needs another question', async () => {
      const first = capacityPlan()
      const cwd = projectFolder(first)
      const env = {
        ...engineEnvironment,
        LLMSCALE_STAND_IN_CLOUD: emptyFolder(),
        KUBECONFIG: undefined,
        AWS_EC2_METADATA_DISABLED: 'true',
      }
      const run = (...args: string[]) => runCommand(args, { cwd, env })
      expect((await run('apply', ...asOf, '--yes')).code).toBe(0)
      const next = capacityPlan(
        { pools: [pool({ maximumNodes: 30 })] },
        { baseline: first.planId, origin: '2026-11-01T12:00:00Z' },
      )
      writePlanFiles(join(cwd, 'forecasts/prod'), next)

      const asked = runOnTerminal(['apply', ...asOf], { cwd, env })
      await asked.shows(`Deploy plan ${next.planId.slice(0, 12)} to prod? ${question}`)
      // A colleague needs no lock of ours, and takes the stack away in the meantime.
      expect((await run('destroy', '--yes', '--allow-delete', 'prod')).code).toBe(0)
      asked.type('yes\r')
      const { code, screen } = await asked.end
      expect(screen).toContain('spec.limits.nodes 20 → 30')
      expect(code).toBe(12)
      expect(screen).toMatch(
        /Error: more would change than was shown before the question: create (NodePool|ScaledObject) /,
      )
      expect(screen).toContain('Try this: Run it again, and look at what changes now.')

      const agreed = runOnTerminal(['apply', ...asOf], { cwd, env })
      await agreed.shows(question)
      agreed.type('yes\r')
      const done = await agreed.end
      expect([done.code, done.screen]).toEqual([
        0,
        expect.stringMatching(/serving +prod\.us-east-1\.serving +done/),
      ])
    })
  },
)
