import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

/** What takes many runs of the engine one after the other: beside the default tests, as these would take half as long again. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/journeys/**/*.test.ts'], exclude: [] },
})
