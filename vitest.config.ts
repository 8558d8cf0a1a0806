import { defineConfig } from 'vitest/config'
import SlowFirstSequencer from './test/slow-first-sequencer.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**'],
    pool: 'forks',
    maxWorkers: 2, // most tests wait for processes that they started: vitest's default leaves a core idle
    disableConsoleIntercept: true, // else the output of a command run in the test is empty
    sequence: { sequencer: SlowFirstSequencer },
    globalSetup: ['test/setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 180_000, // for a machine that is busy with other things
    hookTimeout: 240_000,
  },
})
