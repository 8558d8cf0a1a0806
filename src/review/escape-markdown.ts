import { cleanText } from '../kit/foreign-text.js'

// Names come from metrics, labels and tenants, reasons from people: none of them may become an element, a mention or a
// link of a body that a bot writes.

/** More of a foreign text than this is cut: no one name may fill a body. */
const mostCharacters = 240

/** Shown as nothing; words on its two sides are not one. */
const joint = '&#8203;'

/** What GitHub makes links, mentions and pictures of after Markdown is read, so that a backslash does not help. */
const automatic: [RegExp, string][] = [
  // Mentions, addresses, references to issues and to other repositories.
  [/@/g, `@${joint}`],
  [/\\#/g, `\\#${joint}`],
  [/(GH)-(?=\d)/gi, `$1-${joint}`],
  // URLs (https://github.github.com/gfm/#autolinks-extension-), and names of emoji.
  [/:(?=\/\/|[a-z0-9_+-]*[a-z_+-][a-z0-9_+-]*:)/gi, `:${joint}`],
  [/(www)\./gi, `$1${joint}.`],
  // Commits: seven hexadecimal digits and more.
  [/([0-9a-f]{6})(?=[0-9a-f])/gi, `$1${joint}`],
]

/**
 * Foreign text as Markdown that shows exactly that text, on one line and cut. A `|` stays: the writer of a table row
 * escapes all of them.
 */
export function escapeMarkdown(text: string, length = mostCharacters): string {
  const plain = cleanText(text, [], length).replace(/\p{Cs}/gu, '�')
  const escaped = plain
    .replace(/[\\`*_[\]<>&~$^#]/g, (mark) => `\\${mark}`)
    // What begins a list where it stands first.
    .replace(/^([-+])(?=\s)/, '\\$1')
    .replace(/^(\d+)([.)])(?=\s)/, '$1\\$2')
  return automatic.reduce((safe, [pattern, replacement]) => safe.replace(pattern, replacement), escaped)
}

/** A name as code, in which GitHub links nothing; as escaped text where code cannot hold it. */
export function escapeName(name: string): string {
  const plain = cleanText(name, [], mostCharacters).replace(/\p{Cs}/gu, '�')
  return plain === '' || /[\\`|]/.test(plain) ? escapeMarkdown(name) : `\`${plain}\``
}
