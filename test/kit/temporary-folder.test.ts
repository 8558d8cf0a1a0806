import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createTemporaryFolder } from '../../src/kit/temporary-folder.js'
import { emptyFolder } from '../run-cli.js'

describe('createTemporaryFolder', () => {
  it('makes a folder for us alone, and removes it with all that is in it', async () => {
    const { path, remove } = createTemporaryFolder('test')
    expect(statSync(path).mode & 0o777).toBe(0o700)
    writeFileSync(join(path, 'a.csv'), 'a')
    await remove()
    expect(existsSync(path)).toBe(false)
    await remove()
    expect(process.listenerCount('SIGINT')).toBe(0)
  })

  it('leaves nothing where the process is interrupted', async () => {
    const temporary = emptyFolder()
    const code = `
      import { writeFileSync } from 'node:fs'
      import { createTemporaryFolder } from '${pathToFileURL(process.cwd()).href}/src/kit/temporary-folder.ts'
      const { path } = createTemporaryFolder('test')
      writeFileSync(path + '/a.csv', 'a')
      setTimeout(() => {}, 60_000)
      process.kill(process.pid, 'SIGTERM')`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    expect(await new Promise((done) => child.on('close', done))).toBe(130)
    expect(readdirSync(temporary).filter((name) => name.startsWith('llmscale-'))).toEqual([])
  })
})
