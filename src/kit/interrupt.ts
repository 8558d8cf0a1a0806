import { exitCodes } from './errors.js'

type CleanUp = () => void | Promise<void>

const signals = ['SIGINT', 'SIGTERM'] as const
const cleanUps = new Set<CleanUp>()

/**
 * Registers what has to be undone where the process is interrupted, e.g. a half-written file; the function returned
 * takes it back once the work is whole. We listen for signals only as long as something is registered: otherwise
 * the default action ends the process at once, even in the middle of a long computation.
 */
export function onInterrupt(cleanUp: CleanUp): () => void {
  if (cleanUps.size === 0) for (const signal of signals) process.on(signal, stop)
  cleanUps.add(cleanUp)
  return () => {
    cleanUps.delete(cleanUp)
    if (cleanUps.size === 0) for (const signal of signals) process.off(signal, stop)
  }
}

let stopping = false

/**
 * Stays registered while it works: libraries below us (signal-exit) end the process where they find no listener but
 * their own. A second signal does not wait for the clean-ups.
 */
async function stop(): Promise<void> {
  if (stopping) process.exit(exitCodes.interrupted)
  stopping = true
  await Promise.allSettled([...cleanUps].map(async (cleanUp) => cleanUp()))
  process.exit(exitCodes.interrupted)
}
