// How secrets look, so that none comes into messages, files that are committed or objects that many may read.

/** What stands instead of a secret; the engine of Pulumi writes the same. */
const masked = '[secret]'

/** What tokens of well-known services look like, and credentials in a URL. */
const tokenForms: readonly (readonly [what: string, form: RegExp])[] = [
  [
    'a private key',
    /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[\s\S]*?-----END (?:[A-Z]+ )*PRIVATE KEY-----|[\s\S]*)/,
  ],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a Hugging Face token', /\bhf_[A-Za-z0-9]{20,}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/],
  ['a GitLab token', /\bglpat-[\w-]{20,}/],
  ['a Slack token', /\bxox[abposr]-[\w-]{10,}/],
  ['a Pulumi token', /\bpul-[0-9a-f]{40}\b/],
  ['an API key', /\bsk-[\w-]{20,}/],
  ['a Google API key', /\bAIza[\w-]{35}\b/],
  ['a JSON web token', /\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]+/],
  ['a bearer token', /\bBearer\s+[\w.~+/-]{16,}/],
  ['a password in a URL', /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@"'<>]{0,200}:[^\s/@$"'<>]{1,200}@/i],
]

/** What of that a text has, for people; never the text itself. */
export function findTokenForms(text: string): string[] {
  return tokenForms.filter(([, form]) => form.test(text)).map(([what]) => what)
}

/** `HF_TOKEN`, `--api-key`; neither `--max-num-batched-tokens` nor `AWS_WEB_IDENTITY_TOKEN_FILE`, which holds a path. */
export function namesSecret(name: string): boolean {
  if (name === 'PWD') return false // the shell's working folder
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  const last = words.at(-1) ?? ''
  const beforeKey = words.at(-2) ?? ''
  return (
    /(token|secrets?|passwords?|passwd|passphrase|credentials?|apikeys?)$/.test(last) ||
    /^(pass|pwd|authorization)$/.test(last) ||
    (/^keys?$/.test(last) && /^(api|private|access|secret|auth|encryption)$/.test(beforeKey))
  )
}

/** Numbers and switches are no secrets, and `$(NAME)` is a reference to a variable. */
export function holdsSecret(value: unknown): value is string {
  return typeof value === 'string' && !/^(\$\(\w+\)|true|false|null|none|auto|-?[\d.]{1,5}|)$/i.test(value)
}

/** A flag whose name says that its value is a secret. */
export interface SecretFlag {
  name: string
  value: string
  /** Which word ends with the value: `--api-key=VALUE`, or the one after `--api-key`. */
  at: number
}

/** Flags of a command line whose names say that their values are secrets. */
export function findSecretFlags(words: readonly string[]): SecretFlag[] {
  return words.flatMap((word, index) => {
    const [, name, given] = /^--?([\w.-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined || !namesSecret(name)) return []
    const next = words[index + 1]
    const value = given ?? (next?.startsWith('-') ? undefined : next)
    return holdsSecret(value) ? [{ name, value, at: given === undefined ? index + 1 : index }] : []
  })
}

/** Values of variables whose names say that they are secrets; shorter ones are words that stand anywhere. */
export function findSecretValues(variables: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(variables).flatMap(([name, value = '']) =>
    namesSecret(name) && holdsSecret(value) && value.length >= 8 ? [value] : [],
  )
}

/** `--api-key VALUE`, `HF_TOKEN=VALUE` and `?token=VALUE` within a text. */
const namedValue = /(\s--?([\w.-]+)\s+|\b([\w.-]+)=)([^\s"'&;,~-][^\s"'&;,]*)/g

/**
 * A text without the secrets in it: those that are given, user and password of URLs, tokens by their form, and values
 * whose names say what they are.
 */
export function maskText(text: string, secrets: readonly string[] = []): string {
  let clean = text
  // The longest first: one secret may be a part of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length))
    clean = clean.replaceAll(secret, masked)
  clean = withoutCredentials(clean).replace(/\bBearer\s+[^\s"',;$]+/g, `Bearer ${masked}`)
  for (const [, form] of tokenForms) clean = clean.replace(new RegExp(form, `${form.flags}g`), masked)
  return clean.replace(
    namedValue,
    (all, before: string, flag: string | undefined, name = flag, value = '') =>
      namesSecret(name) && holdsSecret(value) ? `${before}${masked}` : all,
  )
}

/** An URL's user and password are not for messages; git's own may have them from a setting of the user (`insteadOf`). */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/\s"'<>]*@/g, `//${masked}@`)
}

/**
 * A value without the secrets in it: texts as by `maskText`, and what stands under a name that says so, be it a key, the
 * `name` beside a `value`, or a flag in a list of arguments. All that a Secret of Kubernetes holds is one.
 */
export function maskSecrets(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value)
  if (Array.isArray(value)) return maskList(value)
  if (typeof value !== 'object' || value === null) return value
  const { kind, name } = value as { kind?: unknown; name?: unknown }
  const isSecret = (key: string) =>
    namesSecret(key) || (key === 'value' && typeof name === 'string' && namesSecret(name))
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (kind === 'Secret' && (key === 'data' || key === 'stringData')) return [key, maskAll(member)]
      return [key, isSecret(key) ? maskNamed(member) : maskSecrets(member)]
    }),
  )
}

function maskList(list: readonly unknown[]): unknown[] {
  const flags = findSecretFlags(list.map((each) => (typeof each === 'string' ? each : '')))
  const values = new Map(flags.map(({ at, value }) => [at, value]))
  return list.map((each, index) => {
    const value = values.get(index)
    return value === undefined ? maskSecrets(each) : `${String(each).slice(0, -value.length)}${masked}`
  })
}

/** What a name says to be a secret: a text, or each of several; in a block each has a name of its own. */
function maskNamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskNamed)
  return holdsSecret(value) ? masked : maskSecrets(value)
}

function maskAll(block: unknown): unknown {
  if (typeof block !== 'object' || block === null) return masked
  return Object.fromEntries(Object.keys(block).map((key) => [key, masked]))
}
