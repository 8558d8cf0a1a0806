// Finds a Prometheus for the tests: the one of PATH, else Debian's package, unpacked without root into a cache
// outside the repository, once.
// Usage: node tools/prometheus.mjs [--print]   (--print only names the folder that holds the binaries, or exits 1)
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const binaries = ['prometheus', 'promtool']
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'llmscale')
const found = findFolder()

if (process.argv.includes('--print')) {
  if (found === undefined) process.exitCode = 1
  else console.log(found)
} else if (found === undefined) {
  unpack()
} else {
  console.error(`Prometheus is there already: ${found}`)
}

function findFolder() {
  const cached = existsSync(cache)
    ? readdirSync(cache).filter((name) => /^prometheus-\d[^/]*$/.test(name))
    : []
  return [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...cached
      .sort()
      .reverse()
      .map((name) => join(cache, name)),
  ].find((folder) => binaries.every((name) => existsSync(join(folder, name))))
}

function unpack() {
  const work = mkdtempSync(join(tmpdir(), 'llmscale-prometheus-'))
  try {
    const version = candidate() ?? refreshed()
    const folder = join(cache, `prometheus-${version.replace(/[^\w.+-]/g, '_')}`)
    console.error(`Unpacking Debian's prometheus ${version} into ${folder}`)
    run('apt-get', ['download', 'prometheus'], work)
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'))
    run('dpkg', ['-x', archive, 'tree'], work)
    const part = `${folder}.${process.pid}.part`
    mkdirSync(part, { recursive: true })
    for (const name of binaries) copyFileSync(join(work, 'tree/usr/bin', name), join(part, name))
    if (existsSync(folder)) rmSync(part, { recursive: true })
    else renameSync(part, folder)
    console.error(`Done: ${folder}`)
  } catch (error) {
    console.error(`Prometheus could not be unpacked: ${error.message}`)
    process.exitCode = 13
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The version that apt would take; undefined where its lists are empty. */
function candidate() {
  const version = /Candidate: (\S+)/.exec(run('apt-cache', ['policy', 'prometheus']))?.[1]
  return version === '(none)' ? undefined : version
}

function refreshed() {
  run('apt-get', ['update'])
  const version = candidate()
  if (version === undefined) throw new Error('apt knows no package prometheus; install it from prometheus.io')
  return version
}

function run(command, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) {
    const isMissing = error.code === 'ENOENT'
    throw isMissing ? new Error(`${command} is not on PATH; put prometheus and promtool there`) : error
  }
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${status}: ${stderr.trim()}`)
  return stdout
}
