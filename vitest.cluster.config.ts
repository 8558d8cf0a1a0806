import { defineConfig } from 'vitest/config'

/** Needs the control plane that `npm run cluster` builds; the tier is the folder that vitest is given. */
export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    pool: 'forks',
    // A control plane takes a core and most of a gigabyte.
    fileParallelism: false,
    reporters: ['default', './test/cluster/tier-reporter.ts', './test/summary-reporter.ts'],
    env: { LLMSCALE_TEST_SOURCE: '1' },
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
