import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { emptyFolder } from './run-cli.js'

/** Git's own server behind https on loopback, which takes one token; clients need the certificate as GIT_SSL_CAINFO. */
export async function serveRepository(folder: string, token: string) {
  const keys = emptyFolder()
  const [key, certificate] = [join(keys, 'key.pem'), join(keys, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'ignore',
  })
  execFileSync('git', ['config', 'http.receivepack', 'true'], { cwd: folder })
  const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (request, response) => {
      if (request.headers.authorization !== expected) {
        response.writeHead(403).end(`no access for ${request.headers.authorization}`)
        return
      }
      const { pathname, search } = new URL(request.url!, 'https://localhost')
      const backend = spawn('git', ['http-backend'], {
        env: {
          PATH: process.env['PATH'],
          GIT_PROJECT_ROOT: join(folder, '..'),
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: pathname,
          QUERY_STRING: search.slice(1),
          REQUEST_METHOD: request.method,
          CONTENT_TYPE: request.headers['content-type'],
          HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
          HTTP_GIT_PROTOCOL: request.headers['git-protocol'] as string,
          REMOTE_USER: 'llmscale',
        },
      })
      request.pipe(backend.stdin)
      const chunks: Buffer[] = []
      backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      backend.on('close', () => {
        const answer = Buffer.concat(chunks)
        const end = answer.indexOf('\r\n\r\n')
        const headers = answer.subarray(0, end).toString().split('\r\n')
        response.statusCode = Number(
          /^Status: (\d+)/.exec(headers.find((line) => line.startsWith('Status')) ?? '')?.[1] ?? 200,
        )
        for (const line of headers) {
          const at = line.indexOf(': ')
          if (!line.startsWith('Status')) response.setHeader(line.slice(0, at), line.slice(at + 2))
        }
        response.end(answer.subarray(end + 4))
      })
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/${basename(folder)}`,
    certificate,
    close: () => new Promise((done) => server.close(done)),
  }
}
