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
