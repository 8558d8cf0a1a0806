/** Every fact of the catalogue says where it can be checked and when it was entered or published. */
export interface CatalogEntry {
  name: string
  source: string
  /** ISO date. */
  asOf: string
}

/** Finds an entry by name or alias, whatever the case. */
export function findEntry<Entry extends CatalogEntry & { aliases?: readonly string[] }>(
  entries: readonly Entry[],
  name: string,
): Entry | undefined {
  const wanted = name.toLowerCase()
  return entries.find(
    (entry) =>
      entry.name.toLowerCase() === wanted || entry.aliases?.some((alias) => alias.toLowerCase() === wanted),
  )
}
