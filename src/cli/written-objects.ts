import { join, relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { writeManifests } from '../delivery/manifest-folder.js'
import { formatManifest, joinManifests } from '../manifests/manifest-file.js'
import type { BaseCommand } from './base-command.js'
import { besideConfig } from './project.js'

type Manifest = Parameters<typeof formatManifest>

/** What a command that writes objects of a cluster says of them. */
export const WrittenObjects = z.array(
  z.strictObject({
    kind: z.string(),
    name: z.string(),
    namespace: z.string(),
    file: z.string().nullable().describe('Null with --stdout.'),
  }),
)

/** Flags of such a command, by the folder that it writes to. */
export function objectFlags(folder: string) {
  return {
    out: Flags.string({
      description: `Folder to write to; default manifests/<env>/${folder}.`,
      exclusive: ['stdout'],
    }),
    stdout: Flags.boolean({ description: 'Print the objects instead of writing files.' }),
  }
}

interface Delivery {
  flags: { config: string; out?: string | undefined; stdout: boolean }
  environment: string
  /** As in `objectFlags`. */
  folder: string
  /** Where the objects live. */
  namespace: string
  /** What people change to change them; in the head of each file. */
  source: NonNullable<Manifest[1]>
  /** What they are together, for people: `the collector`. */
  whole: string
  /** What to do next, by the folder that was written. */
  next(out: string): string
}

/**
 * Writes the objects to a folder, one a file, or prints them. As with a plan's objects, a file that is no longer made is
 * named, not removed. Throws OUTPUT_NOT_WRITABLE.
 */
export async function deliverObjects(
  command: BaseCommand,
  objects: readonly Manifest[0][],
  { flags, environment, folder, namespace, source, whole, next }: Delivery,
): Promise<z.infer<typeof WrittenObjects>> {
  const rendered = objects.map((object) => ({ object, ...formatManifest(object, source) }))
  const out = flags.out ?? relative('', besideConfig(flags.config, join('manifests', environment, folder)))
  if (flags.stdout) command.log(joinManifests(rendered))
  else {
    for (const name of await writeManifests(out, rendered))
      command.note({
        code: 'MANIFEST_STALE',
        message: `${join(out, name)} is no part of ${whole} any more; delete the file to remove its object`,
      })
    for (const { name } of rendered) command.log(join(out, name))
    command.hint(next(out))
  }
  return rendered.map(({ object: { kind, metadata }, name }) => ({
    kind,
    name: metadata.name,
    namespace,
    file: flags.stdout ? null : join(out, name),
  }))
}
