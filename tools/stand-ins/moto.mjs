// Puts moto, a stand-in for S3, into a cache outside the repository, once, and prints the path of its server.
// Usage: node tools/stand-ins/moto.mjs [--print]   (--print only names the path)
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const version = '5.2.5'
const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
const folder = join(cache, 'llmscale', `moto-${version}`)
const done = join(folder, 'done')
const server = join(folder, 'bin', 'moto_server')

if (process.argv.includes('--print') || existsSync(done)) console.log(server)
else make()

function make() {
  console.error(`Making ${folder} from PyPI`)
  rmSync(folder, { recursive: true, force: true })
  try {
    run('python3', ['-m', 'venv', folder])
    run(join(folder, 'bin', 'pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `moto[server]==${version}`,
    ])
    run(server, ['--help'])
    writeFileSync(done, '')
    console.log(server)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    console.error(`moto could not be made: ${error.message}`)
    process.exitCode = 1
  }
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ended with ${status}`)
}
