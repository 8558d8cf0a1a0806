/** What was asked, or why there is no answer. */
export type Answer<T> = { known: true; value: T } | { known: false; because: string }

/** What a cloud account may launch in one region; whoever talks to the cloud fills it in. */
export interface CloudLimits {
  /** vCPUs that each quota allows, by its code. */
  vcpuQuotas: Answer<ReadonlyMap<string, number>>
  /** Zones of the region that offer an instance type, by its name; a type that none offers is left out. */
  zones: Answer<ReadonlyMap<string, readonly string[]>>
  /** How likely the region is to give all spot nodes of the plan at once, 1 … 10. */
  spotScore: Answer<number>
}
