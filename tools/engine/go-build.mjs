// What the builds from Go modules have in common: binaries go into a cache outside the repository, once.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Where everything lies that is made once for a machine. */
export const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'llmscale')

/** Eight digits for the content of files, so that a new version of a module gets a folder of its own. */
export function digestFiles(paths) {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(readFileSync(path))
  return hash.digest('hex').slice(0, 8)
}

/** Builds one binary of the module in `folder`; it appears whole or not at all. Throws where Go does not build it. */
export async function buildBinary({ folder, target, linkerFlags = '', binary }) {
  mkdirSync(dirname(binary), { recursive: true })
  const part = `${binary}.${process.pid}.part`
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const timer = setInterval(() => console.error(`  … ${basename(binary)}: ${seconds()} s`), 30_000)
  try {
    await run('go', ['build', '-trimpath', '-ldflags', `-s -w ${linkerFlags}`, '-o', part, target], folder)
    renameSync(part, binary)
    console.error(`Done after ${seconds()} s: ${binary}`)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  } finally {
    clearInterval(timer)
  }
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
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
