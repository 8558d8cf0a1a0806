const mostCharacters = 300

/**
 * Text that a server wrote, fit for a message: on one line, without control and formatting characters (which could
 * rewrite a terminal), without secrets that the server repeats, and cut.
 */
export function cleanText(text: string, secrets: Iterable<string>, length = mostCharacters): string {
  let clean = text
  // The longest first: one secret may be a part of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(secret, '[secret]')
  }
  clean = clean.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean
}
