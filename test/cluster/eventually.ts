/**
 * The first answer of `check` that is not undefined. Errors count as no answer yet; after `seconds` the last of them
 * is thrown. Waits are long enough for a busy machine: a test says what happens, not how soon.
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined>,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    let failure: unknown
    try {
      const answer = await check()
      if (answer !== undefined) return answer
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: failure })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
