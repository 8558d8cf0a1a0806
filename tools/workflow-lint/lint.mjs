// Reads the workflows with actionlint, built from its Go module, and with zizmor, from PyPI; both are put into a cache
// outside the repository, once. actionlint and zizmor ask nobody anything: what they find stands in the files.
// Usage: node tools/workflow-lint/lint.mjs [--print]   (--print only names the two programs)
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildBinary, cache, digestFiles } from '../engine/go-build.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const zizmorVersion = '1.32.0'
const actionlintVersion = /actionlint v([\d.]+)/.exec(readFileSync(join(here, 'go.mod'), 'utf8'))[1]
const actionlint = join(
  cache,
  `actionlint-${actionlintVersion}-${digestFiles([join(here, 'go.sum')])}`,
  'actionlint',
)
const zizmorFolder = join(cache, `zizmor-${zizmorVersion}`)
const zizmorDone = join(zizmorFolder, 'done')
const zizmor = join(zizmorFolder, 'bin', 'zizmor')

if (process.argv.includes('--print')) {
  console.log(`${actionlint}\n${zizmor}`)
} else {
  try {
    if (!existsSync(actionlint)) await makeActionlint()
    if (!existsSync(zizmorDone)) makeZizmor()
    run(actionlint, ['-color'])
    run(zizmor, ['--offline', '--no-progress', '--quiet', '--config', join(here, 'zizmor.yml'), '.github'])
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}

function makeActionlint() {
  console.error(`Building ${actionlint} from Go modules`)
  return buildBinary({
    folder: here,
    target: 'github.com/rhysd/actionlint/cmd/actionlint',
    linkerFlags: `-X github.com/rhysd/actionlint.version=${actionlintVersion}`,
    binary: actionlint,
  })
}

function makeZizmor() {
  console.error(`Making ${zizmorFolder} from PyPI`)
  rmSync(zizmorFolder, { recursive: true, force: true })
  run('python3', ['-m', 'venv', zizmorFolder])
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:']
  run(join(zizmorFolder, 'bin', 'pip'), [...pip, `zizmor==${zizmorVersion}`])
  writeFileSync(zizmorDone, '')
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}
