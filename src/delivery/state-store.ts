import { LlmscaleError } from '../kit/errors.js'
import { withoutCredentials } from '../kit/secret-forms.js'

/**
 * Where receipts and locks are kept: small texts by path, each with one line end at its end, on the branch
 * `llmscale-state` or beside the Pulumi backend. Methods throw `upstreamUnavailable` where the place cannot be reached, and `outputNotWritable` where it may not be
 * written.
 */
export interface StateStore {
  /** For messages; without secrets. */
  readonly place: string
  /** Whether a write takes so long, or is seen by so many, that only those that matter are made. */
  readonly writesSparingly: boolean
  /** Undefined where there is none. */
  read(path: string): Promise<string | undefined>
  /** Paths below a folder, ascending. */
  list(folder: string): Promise<string[]>
  write(path: string, text: string): Promise<void>
  /**
   * Writes all of these or, where one of them is there already, none, atomically among all that write. Gives the paths
   * that are there already.
   */
  create(files: ReadonlyMap<string, string>): Promise<string[]>
  /** Removes those of these that still have this text: what somebody else wrote meanwhile stays. */
  remove(files: ReadonlyMap<string, string>): Promise<void>
}

/**
 * `create` for a store that can create only one file at a time: in one order for all, so that of two that want the
 * same files one gets them all, and what was created is taken back where a later one is there already.
 */
export async function createInOrder(
  files: ReadonlyMap<string, string>,
  createOne: (path: string, text: string) => Promise<boolean>,
  remove: StateStore['remove'],
): Promise<string[]> {
  const created = new Map<string, string>()
  try {
    for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!(await createOne(path, text))) {
        await remove(created)
        return [path]
      }
      created.set(path, text)
    }
    return []
  } catch (cause) {
    await remove(created).catch(() => undefined)
    throw cause
  }
}

/** A place that `environments.<env>.state` or the backend names and that is none. */
export function stateUrlWrong(text: string): LlmscaleError {
  return new LlmscaleError(
    'configInvalid',
    'STATE_URL_WRONG',
    `${JSON.stringify(withoutCredentials(text))} is no place for receipts and locks: it must be s3://bucket/prefix or ` +
      'git+https://host/owner/repo.git#branch (also git+ssh, git+file), without credentials in it',
    ['Set environments.<env>.state in llmscale.yaml, or leave it out to keep them beside the backend.'],
  )
}
