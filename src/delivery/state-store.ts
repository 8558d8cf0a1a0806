/**
 * Where receipts and locks are kept: small texts by path, on the branch `llmscale-state` or beside the Pulumi backend.
 * Methods throw `upstreamUnavailable` where the place cannot be reached, and `outputNotWritable` where it may not be
 * written.
 */
export interface StateStore {
  /** For messages; without secrets. */
  readonly place: string
  /** Undefined where there is none. */
  read(path: string): Promise<string | undefined>
  /** Paths below a folder, ascending. */
  list(folder: string): Promise<string[]>
  write(path: string, text: string): Promise<void>
  /** Writes only where there is nothing yet, atomically among all that write; false where there is something. */
  create(path: string, text: string): Promise<boolean>
  remove(path: string): Promise<void>
}
