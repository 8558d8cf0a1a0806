import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { besideConfig, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { createGit, type Git } from '../delivery/git.js'
import { planFolder } from '../delivery/plan-folder.js'

export const Result = z.strictObject({
  environments: z.array(
    z.strictObject({
      name: z.string(),
      delivery: z.enum(['pulumi', 'gitops']),
      approval: z.enum(['none', 'git', 'github']),
      clusters: z
        .array(z.strictObject({ name: z.string(), region: z.string(), context: z.string().nullable() }))
        .describe('EKS clusters that llmscale.yaml names.'),
    }),
  ),
})

export default class Environments extends BaseCommand {
  static override description = 'List the environments of llmscale.yaml, for jobs that run one by one.'
  static override examples = [
    '<%= config.bin %> environments --json',
    '<%= config.bin %> environments --planned --changed-since origin/main',
  ]
  static override flags = {
    planned: Flags.boolean({ description: 'Only those that have a plan.' }),
    'changed-since': Flags.string({
      description:
        'Only those whose plan, holds or stack settings the branch changed since it left this commit.',
      helpValue: 'COMMIT',
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Environments)
    const { environments } = await readConfig(flags.config)
    const project = besideConfig(flags.config, '.')
    const git = createGit({ folder: project, place: project })
    const listed: z.infer<typeof Result>['environments'] = []
    for (const [name, { delivery, approval, clusters }] of Object.entries(environments)) {
      const folder = planFolder(name)
      if (flags.planned && !existsSync(join(project, folder, 'plan.yaml'))) continue
      const since = flags['changed-since']
      if (since !== undefined && !(await hasChanged(git, since, [folder, 'stacks/config']))) continue
      const named = Object.entries(clusters).flatMap(([region, { name: cluster, context }]) =>
        cluster === undefined ? [] : [{ name: cluster, region, context: context ?? null }],
      )
      listed.push({ name, delivery, approval, clusters: named })
    }
    this.log(formatTable(columns, listed.map(toRow)))
    return { environments: listed }
  }
}

const columns = ['Environment', 'Delivery', 'Approval', 'Clusters'].map((header) => ({ header }))

const toRow = ({ name, delivery, approval, clusters }: z.infer<typeof Result>['environments'][number]) => [
  name,
  delivery,
  approval,
  clusters.map((cluster) => `${cluster.name} (${cluster.region})`).join(', '),
]

/** Throws GIT_FAILED, as for a commit that is not there. */
async function hasChanged(git: Git, since: string, paths: readonly string[]): Promise<boolean> {
  const { code, stderr } = await git.try([
    'diff',
    '--quiet',
    '--end-of-options',
    `${since}...HEAD`,
    '--',
    ...paths,
  ])
  if (code === 0 || code === 1) return code === 1
  throw git.failure('diff', stderr)
}
