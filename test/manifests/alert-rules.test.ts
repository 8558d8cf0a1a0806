import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createAlertRules } from '../../src/manifests/alert-rules.js'
import { prometheusFolder, prometheusNote } from '../prometheus-fixture.js'
import { promtool } from '../promtool.js'
import { emptyFolder } from '../run-cli.js'

const unitTests = join(import.meta.dirname, 'alert-rules.promtool.yaml')
const rules = (environment = 'prod') =>
  createAlertRules(environment, { name: 'llmscale-live', namespace: 'monitoring', labels: {} })

/** A folder with the rules of an environment as Prometheus reads them. */
function rulesFolder(): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(rules().spec)) // JSON is YAML
  return folder
}

describe('alert rules', () => {
  it('are all tested, each where it fires and where it does not', () => {
    const { tests } = parse(readFileSync(unitTests, 'utf8')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[]
    }
    const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test)
    const names = (fires: boolean) => [
      ...new Set(
        cases
          .filter(({ exp_alerts }) => (exp_alerts !== undefined) === fires)
          .map(({ alertname }) => alertname),
      ),
    ]
    const all = rules()
      .spec.groups.flatMap((group) => group.rules.map(({ alert }) => alert))
      .sort()
    expect(names(true).sort()).toEqual(all)
    expect(names(false).sort()).toEqual(all)
  })
})

describe.skipIf(prometheusFolder === undefined)(`alert rules${prometheusNote}`, () => {
  it('are read', () => {
    expect(promtool(['check', 'rules', join(rulesFolder(), 'rules.yaml')])).toContain('SUCCESS')
  })

  it('fire when they should', () => {
    const folder = rulesFolder()
    copyFileSync(unitTests, join(folder, 'tests.yaml'))
    expect(promtool(['test', 'rules', join(folder, 'tests.yaml')])).toContain('SUCCESS')
  })
})
