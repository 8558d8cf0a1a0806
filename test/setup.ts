import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refuseSecretsBelow } from './secrets.js'

/**
 * Command tests run the compiled program; without it every one of them would fail for the same reason. Temporary
 * folders of all tests are in one of the run's own, which is searched for secrets at the end, and goes; with
 * LLMSCALE_TEST_KEEP=1 it stays, and its name is printed.
 */
export default function setup(): () => void {
  const fromSource = process.env['LLMSCALE_TEST_SOURCE'] === '1'
  if (!fromSource && !existsSync('dist/src')) {
    throw new Error('dist/ is missing: run `npm run build` first, or `npm test`')
  }
  delete process.env['NODE_ENV']
  const folder = mkdtempSync(join(tmpdir(), 'llmscale-tests-'))
  process.env['TMPDIR'] = folder
  return () => {
    try {
      refuseSecretsBelow(folder)
    } catch (cause) {
      process.exitCode = 1 // vitest only prints what a teardown throws
      throw cause
    } finally {
      if (process.env['LLMSCALE_TEST_KEEP'] === '1') console.log(`Kept ${folder}`)
      else rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }
}
