import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A seeded source of random numbers: the only randomness in the core, and always an argument. */
export interface Random {
  /** In [0, 1). */
  uniform(): number
  /** In 0 … bound − 1. */
  integer(bound: number): number
  /** Standard normal, by the Box–Muller transform. */
  normal(): number
}

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed)
  const uniform = () => uniformFloat64(generator)
  return {
    uniform,
    integer: (bound) => uniformInt(generator, 0, bound - 1),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}
