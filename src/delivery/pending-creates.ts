import type { FindCreated } from './engine.js'

/**
 * Finds what a run created without living to note it: by the names that we give. Objects of Kubernetes and most of AWS
 * have an id that follows from their names; the engine then looks whether they are there.
 */
export function createFinder(_region: string): FindCreated {
  return async (type, inputs) => {
    if (type.startsWith('kubernetes:')) return kubernetesId(inputs)
    return undefined
  }
}

function kubernetesId({ metadata }: Record<string, unknown>): string | undefined {
  const { namespace, name } = (metadata ?? {}) as { namespace?: string; name?: string }
  return name === undefined ? undefined : [namespace, name].filter((part) => part !== undefined).join('/')
}
