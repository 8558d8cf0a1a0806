const suffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const binarySuffixes = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/**
 * Whether both are quantities of Kubernetes of the same size: the API server writes them anew, `0.5` as `500m`.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function isSameQuantity(one: unknown, other: unknown): boolean {
  const [a, b] = [readQuantity(one), readQuantity(other)]
  return a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.abs(a)
}

function readQuantity(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const [, digits, suffix = ''] =
    /^([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(String(value)) ?? []
  if (digits === undefined) return undefined
  if (binarySuffixes.includes(suffix)) return Number(digits) * 1024 ** (binarySuffixes.indexOf(suffix) + 1)
  const power = suffixes.indexOf(suffix)
  return power < 0 ? undefined : Number(digits) * 1000 ** (power - suffixes.indexOf(''))
}
