/** The value under a path of keys in something of unknown form; undefined where there is none. */
export function property(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((part, key) => (isBlock(part) ? part[key] : undefined), value)
}

export function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The items of a list; none where there is no list. */
export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
