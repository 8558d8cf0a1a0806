import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/apply.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const planOf = (day: number, maximumNodes: number, baseline: string | null) =>
  capacityPlan(
    { pools: [pool({ maximumNodes })] },
    { origin: `2025-06-0${day}T00:00:00Z`, validUntil: '2100-01-01T00:00:00Z', baseline },
  )
const first = planOf(1, 24, null)
const second = planOf(2, 28, first.planId)

describe.skipIf(engineFolder === undefined)(
  `a rollback of what is deployed${engineNote}`,
  { timeout: 300_000 },
  () => {
    it('is applied under its own hold, which stops the plan that it is for and every newer one', async () => {
      const cwd = projectFolder(first)
      const git = (...args: string[]) => execFileSync('git', args, { cwd })
      git('init', '--quiet')
      git('config', 'user.name', 'Ana')
      git('config', 'user.email', 'ana@example.org')
      const env = {
        ...engineEnvironment,
        LLMSCALE_STAND_IN_CLOUD: emptyFolder(),
        AWS_EC2_METADATA_DISABLED: 'true',
        KUBECONFIG: undefined,
        HOME: emptyFolder(),
      }
      const run = (...args: string[]) => runCommand(args, { cwd, env })
      const deploy = async (plan?: CapacityPlan) => {
        if (plan !== undefined) writePlanFiles(join(cwd, 'forecasts/prod'), plan)
        git('add', 'forecasts')
        git('commit', '--quiet', '--message', 'Plan')
        return run('apply', '--yes', '--json')
      }
      for (const plan of [first, second]) {
        const { code, stdout } = await deploy(plan)
        expect(code, stdout).toBe(0)
      }
      const rolledBack = await run('rollback', '--reason', 'nodes cost too much')
      expect(rolledBack.code, rolledBack.stderr).toBe(0)
      const applied = await deploy()
      expect(applied.code, applied.stdout).toBe(0)
      const { stacks } = Result.parse(JSON.parse(applied.stdout).result)
      expect(stacks[0]).toMatchObject({ deployedPlanId: second.planId })
      expect(stacks[0]!.changes.map(({ op }) => op)).toEqual(['update'])

      const plan = readFileSync(join(cwd, 'forecasts/prod/plan.yaml'), 'utf8')
      const held = await deploy(planOf(3, 28, first.planId))
      expect(held.code).toBe(9)
      expect(held.stdout).toContain('nodes cost too much')
      git('checkout', '--quiet', 'HEAD~1', '--', 'forecasts')
      expect(readFileSync(join(cwd, 'forecasts/prod/plan.yaml'), 'utf8')).toBe(plan)
      const again = await deploy()
      expect(again.code, again.stdout).toBe(0)
    })
  },
)
