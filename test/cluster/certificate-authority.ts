import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = (args: string[]) => promisify(execFile)('openssl', args)

/** Files with a certificate and its key, in PEM. */
interface Certificate {
  certificateFile: string
  keyFile: string
}

export interface CertificateAuthority {
  certificateFile: string
  /** The certificate itself, as kubeconfig and `caBundle` want it. */
  base64: string
  /** A certificate for a name and the hosts that a server is reached by, e.g. `DNS:localhost` or `IP:127.0.0.1`. */
  issue(name: string, hosts?: readonly string[]): Promise<Certificate>
}

/** A certificate authority of two days in a private folder, made with openssl. */
export async function createCertificateAuthority(folder: string): Promise<CertificateAuthority> {
  const config = join(folder, 'openssl.cnf')
  // The extensions of the machine's own configuration stay out.
  writeFileSync(config, '[req]\ndistinguished_name = subject\n[subject]\n')
  const create = async (name: string, args: string[]): Promise<Certificate> => {
    const certificateFile = join(folder, `${name}.crt`)
    const keyFile = join(folder, `${name}.key`)
    await openssl([
      ...['req', '-x509', '-config', config, '-days', '2', '-subj', `/CN=${name}`],
      ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', keyFile, '-out', certificateFile, ...args],
    ])
    return { certificateFile, keyFile }
  }
  const authority = await create('llmscale-test', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  return {
    certificateFile: authority.certificateFile,
    base64: readFileSync(authority.certificateFile).toString('base64'),
    issue: (name, hosts = []) =>
      create(name, [
        ...['-CA', authority.certificateFile, '-CAkey', authority.keyFile],
        ...['-addext', 'basicConstraints=CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
        ...(hosts.length === 0 ? [] : ['-addext', `subjectAltName=${hosts.join(',')}`]),
      ]),
  }
}
