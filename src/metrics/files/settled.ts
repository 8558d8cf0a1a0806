/**
 * What all of them give, or the failure of the first in order that fails, once none runs any more: what they work on
 * may then be closed and removed.
 */
export async function settled<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
): Promise<{ -readonly [index in keyof T]: Awaited<T[index]> }> {
  await Promise.allSettled(work)
  return Promise.all(work)
}
