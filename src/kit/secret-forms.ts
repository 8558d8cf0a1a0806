// How secrets look, so that none comes into files that are committed or objects that many may read.

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

/** What of that a text has, for people; never the text itself. */
export function findTokenForms(text: string): string[] {
  return tokenForms.filter(([, form]) => form.test(text)).map(([what]) => what)
}

/** `HF_TOKEN`, `--api-key`; neither `--max-num-batched-tokens` nor `AWS_WEB_IDENTITY_TOKEN_FILE`, which holds a path. */
export function namesSecret(name: string): boolean {
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
export function holdsSecret(value: unknown): boolean {
  return typeof value === 'string' && !/^(\$\(\w+\)|true|false|null|none|auto|-?[\d.]{1,5}|)$/i.test(value)
}
