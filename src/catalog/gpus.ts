import { type CatalogEntry, findEntry } from './entry.js'

/** Peak figures of one GPU. FLOP/s are dense (without structured sparsity). */
export interface Gpu extends CatalogEntry {
  memoryBytes: number
  memoryBytesPerSecond: number
  /** A precision that the tensor cores lack is absent: such weights are read small and computed in bf16. */
  flopsPerSecond: { bf16: number; fp8?: number; fp4?: number }
  /** To the other GPUs of the node, in one direction. */
  interconnectBytesPerSecond: number
}

const MiB = 1024 ** 2
const GiB = 1024 ** 3

export const gpus: readonly Gpu[] = [
  {
    name: 'A10G',
    memoryBytes: 23_028 * MiB,
    memoryBytesPerSecond: 600e9,
    flopsPerSecond: { bf16: 70e12 },
    interconnectBytesPerSecond: 32e9,
    source: 'https://d1.awsstatic.com/product-marketing/ec2/NVIDIA_AWS_A10G_DataSheet_FINAL_02_17_2022.pdf',
    asOf: '2026-11-21',
  },
  {
    name: 'L4',
    memoryBytes: 23_034 * MiB,
    memoryBytesPerSecond: 300e9,
    flopsPerSecond: { bf16: 121e12, fp8: 242e12 },
    interconnectBytesPerSecond: 32e9,
    source: 'https://www.nvidia.com/en-us/data-center/l4/',
    asOf: '2026-11-21',
  },
  {
    name: 'L40S',
    memoryBytes: 46_068 * MiB,
    memoryBytesPerSecond: 864e9,
    flopsPerSecond: { bf16: 362e12, fp8: 733e12 },
    interconnectBytesPerSecond: 32e9,
    source: 'https://www.nvidia.com/en-us/data-center/l40s/',
    asOf: '2026-11-21',
  },
  {
    name: 'A100-40GB',
    memoryBytes: 40 * GiB,
    memoryBytesPerSecond: 1.555e12,
    flopsPerSecond: { bf16: 312e12 },
    interconnectBytesPerSecond: 300e9,
    source: 'https://www.nvidia.com/en-us/data-center/a100/',
    asOf: '2026-11-21',
  },
  {
    name: 'A100-80GB',
    memoryBytes: 80 * GiB,
    memoryBytesPerSecond: 2.039e12,
    flopsPerSecond: { bf16: 312e12 },
    interconnectBytesPerSecond: 300e9,
    source: 'https://www.nvidia.com/en-us/data-center/a100/',
    asOf: '2026-11-21',
  },
  {
    name: 'H100',
    memoryBytes: 80 * GiB,
    memoryBytesPerSecond: 3.35e12,
    flopsPerSecond: { bf16: 989e12, fp8: 1978e12 },
    interconnectBytesPerSecond: 450e9,
    source: 'https://www.nvidia.com/en-us/data-center/h100/',
    asOf: '2026-11-21',
  },
  {
    name: 'H200',
    memoryBytes: 141 * GiB,
    memoryBytesPerSecond: 4.8e12,
    flopsPerSecond: { bf16: 989e12, fp8: 1978e12 },
    interconnectBytesPerSecond: 450e9,
    source: 'https://www.nvidia.com/en-us/data-center/h200/',
    asOf: '2026-11-21',
  },
  {
    name: 'B200',
    memoryBytes: 180 * GiB,
    memoryBytesPerSecond: 7.7e12,
    flopsPerSecond: { bf16: 2250e12, fp8: 4500e12, fp4: 9000e12 },
    interconnectBytesPerSecond: 900e9,
    source: 'https://www.nvidia.com/en-us/data-center/dgx-b200/',
    asOf: '2026-11-21',
  },
]

export const gpuNames: readonly string[] = gpus.map(({ name }) => name)

/** The catalogue's GPU of a name, whatever the case. */
export function findGpu(name: string): Gpu | undefined {
  return findEntry(gpus, name)
}
