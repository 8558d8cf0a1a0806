import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { previewStack, type StackOptions, withStack } from '../../src/delivery/engine.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { declareServing } from '../../stacks/serving.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { chatTarget, servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan } from '../plan-fixture.js'
import { emptyFolder } from '../run-cli.js'

const stackName = 'prod.us-east-1.serving'
const objects = createManifests(
  capacityPlan().decision,
  'us-east-1',
  servingConfig({ regions: ['us-east-1'] }, { target: chatTarget }),
)

describe.skipIf(engineFolder === undefined)(
  `the cluster of the serving layer${engineNote}, stand-in for Kubernetes`,
  { timeout: 180_000 },
  () => {
    beforeAll(() => {
      for (const [name, value] of Object.entries(engineEnvironment)) vi.stubEnv(name, value)
      vi.stubEnv('KUBECONFIG', '/this/machine/config')
    })
    afterAll(() => {
      vi.unstubAllEnvs()
    })
    const options = (projectFolder: string, context?: string): StackOptions => ({
      stackName,
      projectFolder,
      program: async () => declareServing(objects, context === undefined ? {} : { context }),
    })

    it('is that of the context, which moves what stands under it without replacing it', async () => {
      const folder = emptyFolder()
      await withStack(options(folder), async ({ stack }) => stack.up())
      expect((await previewStack(options(folder, 'east'))).changes).toEqual([])
      const resources = await withStack(options(folder, 'east'), async ({ stack }) => {
        const steps: (string | undefined)[] = []
        await stack.up({ onEvent: ({ resourcePreEvent }) => steps.push(resourcePreEvent?.metadata.op) })
        expect(steps).toContain('same')
        expect(steps.filter((step) => step?.includes('replace'))).toEqual([])
        return (await stack.exportStack()).deployment.resources as {
          type: string
          provider?: string
          inputs?: object
        }[]
      })
      const declared = resources.filter(({ type }) => type.startsWith('kubernetes:'))
      expect(declared).toHaveLength(objects.length)
      for (const { provider } of declared)
        expect(provider).toContain('pulumi:providers:kubernetes::cluster::')
      const provider = resources.find(({ type }) => type === 'pulumi:providers:kubernetes')!
      expect(provider.inputs).toMatchObject({ kubeconfig: '', context: 'east' })
    })

    it.each([
      ['kubernetes:context: west', 'east', 'kubernetes:context ("west")'],
      ['kubernetes:context: west', undefined, 'the current context'],
      ['kubernetes:kubeconfig: "token: hunter2"', 'east', 'kubernetes:kubeconfig,'],
    ])('is refused where %s and %s differ', async (setting, context, said) => {
      const folder = emptyFolder()
      mkdirSync(join(folder, 'stacks/config'), { recursive: true })
      writeFileSync(join(folder, `stacks/config/Pulumi.${stackName}.yaml`), `config:\n  ${setting}\n`)
      const failure = await previewStack(options(folder, context)).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'CLUSTER_AMBIGUOUS', exitCode: 3 })
      expect((failure as Error).message).toContain(said)
      expect((failure as Error).message).not.toContain('hunter2')
    })
  },
)
