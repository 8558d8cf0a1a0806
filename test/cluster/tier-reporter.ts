import type { Reporter, TestModule } from 'vitest/node'

/** Says which tiers ran: a tier of which all tests were skipped did not. */
export default class TierReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const tiers = new Map<string, boolean>()
    for (const module of modules) {
      const tier = /test\/cluster\/([^/]+)\//.exec(module.moduleId)?.[1]
      if (tier === undefined) continue
      const isRun = [...module.children.allTests()].some((test) => test.result().state !== 'skipped')
      tiers.set(tier, (tiers.get(tier) ?? false) || isRun)
    }
    for (const [tier, isRun] of tiers) console.log(`${tier} tier: ${isRun ? 'ran' : 'not run'}`)
  }
}
