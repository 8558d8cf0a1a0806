import type { Limits } from '../src/config/policy-settings.js'
import { allContainers, type Container, findPods } from './pods.js'
import type { Policy, PolicyResource } from './policy.js'
import { isBlock, items, property, text } from './properties.js'

/**
 * No secret stands in plain text in what is deployed: everybody who may read the object, the engine's state or the
 * repository has it. Messages name the place and never the value.
 */
export function plainSecrets({ ignored }: Limits<'plainSecrets'>): Policy {
  return {
    name: 'plain-secrets',
    description: 'No secret stands in plain text in what is deployed.',
    looksAt: 'resource',
    check({ resources }) {
      return resources.flatMap((resource) =>
        [
          ...findSecretObjects(resource),
          ...findTokens(resource.properties, ''),
          ...findPods([resource]).flatMap((pods) =>
            allContainers(pods).flatMap((container) => findNamedSecrets(container, ignored)),
          ),
        ].map((place) => ({
          subject: resource.name,
          message: `${place}: reference a Secret of the cluster (secretKeyRef), or remove it`,
        })),
      )
    },
  }
}

function findSecretObjects({ properties }: PolicyResource): string[] {
  if (properties['kind'] !== 'Secret') return []
  return ['data', 'stringData']
    .filter((field) => Object.keys(property(properties, field) ?? {}).length > 0)
    .map((field) => `is a Secret with its ${field} in plain sight`)
}

/** What tokens of well-known services look like, and credentials in a URL. */
const tokenForms: readonly (readonly [what: string, form: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a Hugging Face token', /\bhf_[A-Za-z0-9]{20,}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})/],
  ['a GitLab token', /\bglpat-[\w-]{20,}/],
  ['a Slack token', /\bxox[abposr]-[\w-]{10,}/],
  ['an API key', /\bsk-[\w-]{20,}/],
  ['a Google API key', /\bAIza[\w-]{35}\b/],
  ['a JSON web token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+/],
  ['a bearer token', /\bBearer\s+[\w.~+/-]{16,}/],
  ['a password in a URL', /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:[^\s/@$]{1,200}@/i],
]

/** Tokens in any text below a value, by their form. */
function findTokens(value: unknown, path: string): string[] {
  if (typeof value === 'string')
    return tokenForms
      .filter(([, form]) => form.test(value))
      .map(([what]) => `${path} has what looks like ${what}`)
  if (Array.isArray(value)) return value.flatMap((item, index) => findTokens(item, `${path}[${index}]`))
  if (!isBlock(value)) return []
  return Object.entries(value).flatMap(([key, part]) =>
    findTokens(part, path === '' ? key : `${path}.${key}`),
  )
}

/** Variables and arguments whose names say that their values are secrets. */
function findNamedSecrets(container: Container, ignored: readonly string[]): string[] {
  const isSecret = (name: string, value: unknown) =>
    !ignored.includes(name) && namesSecret(name) && holdsSecret(value)
  const variables = items(container['env'])
    .map((entry) => ({ name: text(property(entry, 'name')), value: property(entry, 'value') }))
    .filter(({ name, value }) => isSecret(name, value))
    .map(({ name }) => `variable ${name} looks like a secret`)
  const words = [...items(container['command']), ...items(container['args'])].map(text)
  const flags = words.flatMap((word, index) => {
    const [, name, value] = /^--?([\w.-]+)(?:=(.*))?$/s.exec(word) ?? []
    const next = words[index + 1]
    const given = value ?? (next?.startsWith('-') ? undefined : next)
    return name !== undefined && isSecret(name, given) ? [`argument --${name} looks like a secret`] : []
  })
  return [...variables, ...flags]
}

/** `HF_TOKEN`, `--api-key`; neither `--max-num-batched-tokens` nor `AWS_WEB_IDENTITY_TOKEN_FILE`, which holds a path. */
function namesSecret(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  const last = words.at(-1) ?? ''
  const beforeKey = words.at(-2) ?? ''
  return (
    /^(token|secret|password|passwd|passphrase|pwd|apikey|credentials?)$/.test(last) ||
    (last === 'key' && /^(api|private|access|secret|auth|encryption)$/.test(beforeKey))
  )
}

/** Numbers and switches are no secrets, and `$(NAME)` is a reference to a variable. */
function holdsSecret(value: unknown): boolean {
  return typeof value === 'string' && !/^(\$\(\w+\)|true|false|null|none|auto|-?[\d.]{1,5}|)$/i.test(value)
}
