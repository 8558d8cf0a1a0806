import type { PriorityClass } from './cluster-object.js'
import { createMetadata } from './metadata.js'

/** `p1000-prod`: classes belong to the whole cluster, which environments may share. */
export function priorityClassName(priority: number, environment: string): string {
  return `p${priority}-${environment}`
}

/** The class that pods name to go before others when GPUs are short; it changes nothing until they do. */
export function createPriorityClass(priority: number, environment: string): PriorityClass {
  return {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: createMetadata(priorityClassName(priority, environment)),
    value: priority,
    globalDefault: false,
    description: `LLM servers of ${environment} with priority ${priority} in llmscale.yaml.`,
  }
}
