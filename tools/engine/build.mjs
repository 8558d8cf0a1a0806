// Builds the Pulumi engine (CLI) from Go modules into a cache outside the repository, once.
// Usage: node tools/engine/build.mjs [--print]   (--print only names the folder that holds the binary)
// For machines that cannot reach Pulumi's own installer; elsewhere `curl -fsSL https://get.pulumi.com | sh` does.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const version = /pulumi\/pkg\/v3 v([\d.]+)/.exec(readFileSync(join(here, 'go.mod'), 'utf8'))[1]
const sums = createHash('sha256')
  .update(readFileSync(join(here, 'go.sum')))
  .digest('hex')
  .slice(0, 8)
const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
const folder = join(cache, 'llmscale', `engine-${version}-${sums}`)
const binary = join(folder, 'pulumi')

if (process.argv.includes('--print')) {
  console.log(folder)
} else if (existsSync(binary)) {
  console.error(`Pulumi engine ${version} is already built: ${binary}`)
} else {
  await build()
}

async function build() {
  mkdirSync(folder, { recursive: true })
  const part = `${binary}.${process.pid}.part`
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  console.error(`Building the Pulumi engine ${version} from Go modules into ${folder}`)
  console.error(
    'The first build compiles about 1,600 packages: 4 minutes on two free cores, then it is cached.',
  )
  const timer = setInterval(() => console.error(`  … ${seconds()} s`), 30_000)
  const flag = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`
  try {
    await run('go', [
      'build',
      '-trimpath',
      '-ldflags',
      `-s -w ${flag}`,
      '-o',
      part,
      'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
    ])
    renameSync(part, binary)
    console.error(`Done after ${seconds()} s: ${binary}`)
  } catch (error) {
    rmSync(part, { force: true })
    console.error(`The engine could not be built: ${error.message}`)
    process.exitCode = 13
  } finally {
    clearInterval(timer)
  }
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: here,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, CGO_ENABLED: '0' },
    })
    child.on('error', (error) =>
      reject(
        error.code === 'ENOENT' ? new Error(`${command} is not on PATH; install Go 1.26 or newer`) : error,
      ),
    )
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} exited with ${code}`)),
    )
  })
}
