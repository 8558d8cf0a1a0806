import { LlmscaleError } from '../kit/errors.js'
import { withoutCredentials } from '../kit/secret-forms.js'
import { type FileContent, writeFilesWhole } from './files.js'
import { publishToBranch } from './git-branch.js'

/** Where a file of demand goes. */
export type Destination =
  | { kind: 'file'; path: string }
  | { kind: 's3'; url: string }
  /** `path` on a `branch` that holds demand alone. */
  | { kind: 'git'; remote: string; branch: string; path: string }

/** Stands for the day (UTC) in a template of destinations. */
const dayMark = '{day}'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const s3Url = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^/].*[^/]$/
const gitUrl = /^git\+((?:https|ssh|file):\/\/[^#]+)#([^:]+):(.+)$/
/** The names that git takes and that need no quotes anywhere (git-check-ref-format). */
const branchName = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9_][\w./-]*(?<![./])$/
/** Names that begin with a dot are kept for git and for our own mark. */
const branchPath = /^(?!\.)[^\p{Cc}/\\]+(?:\/(?!\.)[^\p{Cc}/\\]+)*$/u

/**
 * What a text names: a path, an object of S3 or a file on a git branch; with `{day}` in it, a template of them.
 * Throws DESTINATION_INVALID for the field that holds the text: a usage error, or configInvalid.
 */
export function parseDestination(
  text: string,
  field = '--out',
  reason: 'usage' | 'configInvalid' = 'usage',
): Destination {
  const [scheme] = /^[a-z][a-z0-9+.-]*(?=:\/\/)/i.exec(text) ?? []
  if (scheme === undefined && !/^git\+|[\0/]$|^$/.test(text)) return { kind: 'file', path: text }
  if (scheme === 's3' && s3Url.test(text)) return { kind: 's3', url: text }
  const [, remote, branch, path] = gitUrl.exec(text) ?? []
  if (remote !== undefined && isRemote(remote) && branchName.test(branch!) && branchPath.test(path!))
    return { kind: 'git', remote, branch: branch!, path: path! }
  throw new LlmscaleError(
    reason,
    'DESTINATION_INVALID',
    `${field}: ${JSON.stringify(withoutCredentials(text))} is neither the path of a file, s3://bucket/key nor ` +
      'git+https://host/owner/repo.git#branch:path (also git+ssh, git+file), without credentials in it; ' +
      '{day} stands for the day, in a path or key alone',
  )
}

/** The destination of one day, such as 2026-11-20. */
export function destinationOf(template: string, day: string): string {
  return template.replaceAll(dayMark, day)
}

/**
 * Writes files to the place that `target` names; they are keyed by their complete names, as `destinationOf` makes them
 * of it. Files of a folder or of a branch appear all or none, objects of a bucket one by one, each whole.
 * Throws DESTINATION_INVALID, OUTPUT_NOT_WRITABLE, BRANCH_NOT_OURS, GIT_MISSING, GIT_FAILED and those of S3.
 */
export async function publishFiles(target: string, files: ReadonlyMap<string, FileContent>): Promise<void> {
  const destination = parseDestination(target)
  switch (destination.kind) {
    case 'file':
      return writeFilesWhole(files)
    case 's3': {
      const { putObject } = await import('../metrics/files/object-store.js')
      for (const [url, body] of files) await putObject(url, wholeOf(body))
      return
    }
    case 'git': {
      const byPath = new Map([...files].map(([name, content]) => [gitUrl.exec(name)![3]!, wholeOf(content)]))
      await publishToBranch(destination, byPath)
    }
  }
}

/** A request carries its whole body, which may be longer than a string can be. */
function wholeOf(content: FileContent): Uint8Array | string {
  if (typeof content === 'string' || content instanceof Uint8Array) return content
  return Buffer.concat(Array.from(content, (part) => Buffer.from(part)))
}

/** A user's name is part of ssh URLs; a password never stands in an URL that is committed or shown. */
export function isRemote(remote: string): boolean {
  if (!URL.canParse(remote) || remote.includes(dayMark)) return false
  const { protocol, username, password, hostname, search } = new URL(remote)
  if (password !== '' || search !== '' || (username !== '' && protocol !== 'ssh:')) return false
  return protocol === 'file:' ? hostname === '' : hostname !== ''
}
