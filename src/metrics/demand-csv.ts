import { formatInstant } from '../kit/time.js'
import type { DemandHistory } from './demand-history.js'
import { csvField } from './table-csv.js'

/** A history as an aggregated demand file, by time and workload; masked points have no row. */
export function demandCsv(history: DemandHistory): string {
  const hasTenants = history.workloads.some(({ workload }) => workload.tenant !== undefined)
  const lines = [`timestamp,model,region,${hasTenants ? 'tenant,' : ''}requests,input_tokens,output_tokens`]
  for (let step = 0; step < history.length; step++) {
    const timestamp = formatInstant(history.start + step * history.stepSeconds)
    for (const { workload, requests, inputTokens, outputTokens, tokens, mask } of history.workloads) {
      if (mask[step] !== 0) continue
      const names = [workload.model, workload.region, ...(hasTenants ? [workload.tenant ?? ''] : [])]
      const amounts = [
        requests[step]!,
        ...(tokens === 'none' ? ['', ''] : [inputTokens[step]!, outputTokens[step]!]),
      ]
      lines.push([timestamp, ...names.map(csvField), ...amounts].join(','))
    }
  }
  return `${lines.join('\n')}\n`
}
