export const precisions = ['bf16', 'fp8', 'fp4', 'int4'] as const
export type Precision = (typeof precisions)[number]

/** A model placed on GPUs of an instance type. Pools count whole nodes of `instanceType`. */
export interface GpuShape {
  /** Catalogue name of the GPU, e.g. `H100`. */
  gpu: string
  gpusPerReplica: number
  precision: Precision
  instanceType: string
}

/** `2xH100-fp8@p5.48xlarge`: how people, overrides and tables name a shape. */
export function shapeName(shape: GpuShape): string {
  return `${shape.gpusPerReplica}x${shape.gpu}-${shape.precision}@${shape.instanceType}`
}

/** The shape that `shapeName` names; undefined when the text is none. Says nothing about whether the parts exist. */
export function parseShape(text: string): GpuShape | undefined {
  const match = /^([1-9]\d*)x([^@]+)-([a-z0-9]+)@(\S+)$/i.exec(text)
  const precision = precisions.find((each) => each === match?.[3]?.toLowerCase())
  if (match === null || precision === undefined) return undefined
  return { gpu: match[2]!, gpusPerReplica: Number(match[1]), precision, instanceType: match[4]! }
}
