import type { Cluster, Environment } from '../config/environment.js'
import type { ClusterConfig } from '../config/schema.js'

/** Where the resources of one region go, and how they are marked. */
export interface CapacityPlace {
  environment: string
  region: string
  settings: Environment
  cluster: Cluster
  /** Of every resource, beside its own `Name`. */
  tags: Readonly<Record<string, string>>
}

export function capacityPlace(config: ClusterConfig, environment: string, region: string): CapacityPlace {
  const settings = config.environments[environment]!
  return {
    environment,
    region,
    settings,
    cluster: settings.clusters[region] ?? {},
    // Ours last: clean-up scripts and policies rely on them.
    tags: { ...settings.tags, 'managed-by': 'llmscale', 'llmscale-environment': environment },
  }
}

export function tagsOf({ tags }: CapacityPlace, name: string): Record<string, string> {
  return { ...tags, Name: name }
}
