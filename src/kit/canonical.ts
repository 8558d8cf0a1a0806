/** Rounds to significant digits, so that written numbers are short and equal on every machine. */
export function roundTo(value: number, significantDigits = 6): number {
  return Number(value.toPrecision(significantDigits))
}

/** JSON with sorted keys and without undefined members: the text that digests are taken of. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
