import { LlmscaleError } from '../kit/errors.js'
import type { ConfigMap } from './cluster-object.js'
import { createMetadata } from './metadata.js'

/** Its only key. */
export const configKey = 'llmscale.yaml'

/** https://kubernetes.io/docs/concepts/configuration/configmap/#motivation */
const largestConfigBytes = 1024 * 1024

/**
 * llmscale.yaml for pods of ours. Throws `configInvalid` CONFIG_TOO_LARGE.
 * @param reader how the message calls them
 */
export function createConfigMap(
  { name, namespace }: { name: string; namespace: string },
  configText: string,
  reader: string,
): ConfigMap {
  const bytes = Buffer.byteLength(configText)
  if (bytes > largestConfigBytes) {
    throw new LlmscaleError(
      'configInvalid',
      'CONFIG_TOO_LARGE',
      `llmscale.yaml has ${bytes} bytes, and a ConfigMap holds at most ${largestConfigBytes}`,
      [`Give the ${reader} a smaller configuration with --config.`],
    )
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: createMetadata(name, namespace),
    data: { [configKey]: configText },
  }
}
