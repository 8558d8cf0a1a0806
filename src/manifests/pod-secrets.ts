import type { Config } from '../config/schema.js'
import type { Warning } from '../kit/errors.js'
import type { SecretFrom } from '../metrics/secret.js'
import { secretFolder } from './own-pod.js'

/** A secret, or a file beside llmscale.yaml, and the field that names it. */
type NamedSecret = [field: string, from: SecretFrom]

type Prometheus = NonNullable<NonNullable<Config['metrics']['sources']>[number]['prometheus']>

/** What git is asked with over https. */
export const gitToken: SecretFrom = { env: 'LLMSCALE_GIT_TOKEN' }

/** What a Prometheus is asked with; `field` is where it stands in llmscale.yaml. */
export function prometheusSecrets({ auth, headers, tls = {} }: Prometheus, field: string): NamedSecret[] {
  const named: NamedSecret[] = []
  if (auth?.basic !== undefined) named.push([`${field}.auth.basic.password`, auth.basic.password])
  if (auth?.bearer !== undefined) named.push([`${field}.auth.bearer.token`, auth.bearer.token])
  for (const [name, from] of Object.entries(headers))
    if (typeof from !== 'string') named.push([`${field}.headers.${name}`, from])
  for (const [name, file] of Object.entries(tls))
    if (file !== undefined) named.push([`${field}.tls.${name}`, { file }])
  return named
}

/** Those of them that a pod will not have: it has the keys of one Secret, as environment variables and as files. */
export function missingSecrets(
  named: readonly NamedSecret[],
  pod: { secret: string | undefined; field: string; reader: string; code: string },
): Warning[] {
  return named.flatMap(([field, from]): Warning[] => {
    const isMounted = 'env' in from || from.file.startsWith(`${secretFolder}/`)
    if (pod.secret !== undefined && isMounted) return []
    const [place, advice] =
      'env' in from
        ? [`environment variable ${from.env}`, `that has the key ${from.env}`]
        : [`file ${from.file}`, `and the file as ${secretFolder}/KEY, with KEY one of its keys`]
    return [
      {
        code: pod.code,
        message: `${field} needs ${place}, which ${pod.reader} will not have; name a Secret as ${pod.field}, ${advice}`,
      },
    ]
  })
}
