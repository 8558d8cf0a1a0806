import { type CatalogEntry, findEntry } from './entry.js'

/** An EC2 instance type: pools count whole nodes of it. */
export interface InstanceType extends CatalogEntry {
  /** Catalogue name of its GPUs. */
  gpu: string
  gpusPerNode: number
  /** What the quotas of EC2 count (https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html). */
  vcpus: number
  /**
   * Elastic Fabric Adapters, one a network card; 0 where replicas cannot span nodes over EFA
   * (https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html).
   */
  efaInterfaces: number
}

const source = 'https://aws.amazon.com/ec2/instance-types/'
const asOf = '2026-11-21'

const efaInterfacesOf: Record<string, number> = {
  'g6e.48xlarge': 4,
  'p4d.24xlarge': 4,
  'p4de.24xlarge': 4,
  'p5.48xlarge': 32,
  'p5en.48xlarge': 16,
  'p6-b200.48xlarge': 8,
}

const family = (gpu: string, gpusPerNodeOf: Record<string, number>): InstanceType[] =>
  Object.entries(gpusPerNodeOf).map(([name, gpusPerNode]) => ({
    name,
    gpu,
    gpusPerNode,
    vcpus: vcpusOf(name),
    efaInterfaces: efaInterfacesOf[name] ?? 0,
    source,
    asOf,
  }))

/** All families here have 4 vCPUs an xlarge. */
function vcpusOf(name: string): number {
  return 4 * Number(/\.(\d*)xlarge$/.exec(name)![1] || 1)
}

export const instanceTypes: readonly InstanceType[] = [
  ...family('A10G', {
    'g5.xlarge': 1,
    'g5.2xlarge': 1,
    'g5.4xlarge': 1,
    'g5.8xlarge': 1,
    'g5.12xlarge': 4,
    'g5.16xlarge': 1,
    'g5.24xlarge': 4,
    'g5.48xlarge': 8,
  }),
  ...family('L4', {
    'g6.xlarge': 1,
    'g6.2xlarge': 1,
    'g6.4xlarge': 1,
    'g6.8xlarge': 1,
    'g6.12xlarge': 4,
    'g6.16xlarge': 1,
    'g6.24xlarge': 4,
    'g6.48xlarge': 8,
  }),
  ...family('L40S', {
    'g6e.xlarge': 1,
    'g6e.2xlarge': 1,
    'g6e.4xlarge': 1,
    'g6e.8xlarge': 1,
    'g6e.12xlarge': 4,
    'g6e.16xlarge': 1,
    'g6e.24xlarge': 4,
    'g6e.48xlarge': 8,
  }),
  ...family('A100-40GB', { 'p4d.24xlarge': 8 }),
  ...family('A100-80GB', { 'p4de.24xlarge': 8 }),
  ...family('H100', { 'p5.4xlarge': 1, 'p5.48xlarge': 8 }),
  ...family('H200', { 'p5en.48xlarge': 8 }),
  ...family('B200', { 'p6-b200.48xlarge': 8 }),
]

export const instanceTypeNames: readonly string[] = instanceTypes.map(({ name }) => name)

/** The catalogue's instance type of a name, whatever the case. */
export function findInstanceType(name: string): InstanceType | undefined {
  return findEntry(instanceTypes, name)
}

/** Nodes that one replica takes: 1 where several share a node, and where the instance type is not known. */
export function nodesOfReplica(shape: { instanceType: string; gpusPerReplica: number }): number {
  const gpusPerNode = findInstanceType(shape.instanceType)?.gpusPerNode ?? shape.gpusPerReplica
  return Math.ceil(shape.gpusPerReplica / gpusPerNode)
}
