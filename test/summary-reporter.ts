import type { Reporter, TestModule } from 'vitest/node'

/** Closes every run with `N passed, N failed, N skipped` alone on the last line, which CI reads. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) count[test.result().state]++
      // A file that cannot be loaded has no tests, and must not pass for an empty one.
      if (tests.length === 0 && !module.ok()) count.failed++
    }
    process.on('exit', (code) => {
      // What fails after the last test, as the search for secrets, counts too.
      if (code !== 0 && count.failed === 0) count.failed++
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`)
    })
  }
}
