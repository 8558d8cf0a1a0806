import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from '../control-plane.js'
import { fakeNode } from '../fake-node.js'
import { definitionsFolder, tierFolder } from '../tiers.js'

const annotation = 'kwok.x-k8s.io/node'

/** A node like `fakeNode`, on which a pod takes the seconds given to `startSlowNodes` until it is ready. */
export function slowNode(name: string, options: Parameters<typeof fakeNode>[1]) {
  const node = fakeNode(name, options)
  return { ...node, metadata: { ...node.metadata, annotations: { [annotation]: 'slow' } } }
}

/** A second kwok for nodes that are slow: the delay plays the cold start of a replica. */
export function startSlowNodes(
  plane: ControlPlane,
  { coldStartSeconds }: { coldStartSeconds: number },
): void {
  const stages = join(definitionsFolder(), 'stages')
  const podReady = join(plane.folder, 'pod-ready-slow.yaml')
  const fast = readFileSync(join(stages, 'pod-ready.yaml'), 'utf8')
  const delay = `  delay:\n    durationMilliseconds: ${coldStartSeconds * 1000}\n`
  writeFileSync(podReady, fast.replace(/^ {2}next:$/m, `${delay}$&`))
  plane.run('kwok-slow', join(tierFolder('core'), 'kwok'), [
    `--kubeconfig=${plane.kubeconfig}`,
    `--manage-nodes-with-annotation-selector=${annotation}=slow`,
    '--node-ip=127.0.0.1',
    '--server-address=',
    ...['node-initialize', 'pod-complete', 'pod-delete'].map(
      (name) => `--config=${join(stages, `${name}.yaml`)}`,
    ),
    `--config=${podReady}`,
  ])
}
