import { defineConfig } from 'vitest/config'
import SlowFirstSequencer from './test/slow-first-sequencer.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**', 'test/journeys/**'], // tiers with a configuration of their own
    pool: 'forks',
    maxWorkers: 3, // on two cores: what starts an engine, a server or a clock waits for it half of its time
    disableConsoleIntercept: true, // else the output of a command run in the test is empty
    sequence: { sequencer: SlowFirstSequencer },
    globalSetup: ['test/setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 180_000, // for a machine that is busy with other things
    hookTimeout: 240_000,
  },
})
