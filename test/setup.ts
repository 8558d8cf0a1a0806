import { existsSync } from 'node:fs'

/** Command tests run the compiled program; without it every one of them would fail for the same reason. */
export default function setup(): void {
  const fromSource = process.env['LLMSCALE_TEST_SOURCE'] === '1'
  if (!fromSource && !existsSync('dist/src')) {
    throw new Error('dist/ is missing: run `npm run build` first, or `npm test`')
  }
  delete process.env['NODE_ENV']
}
