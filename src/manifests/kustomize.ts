import type { ClusterObject, ScaledObject, ScalingBehavior } from './cluster-object.js'
import { formatYaml, type ManifestFile, manifestName } from './manifest-file.js'

/**
 * A Kustomize component that sets only the bounds of objects that a team keeps in a base of its own: one patch an
 * object, by kind, namespace and name, and `kustomization.yaml`, which names them. Kustomize refuses a patch whose
 * object the base does not have. Objects without bounds stay the base's.
 */
export function createKustomizeComponent(objects: readonly ClusterObject[]): ManifestFile[] {
  const patches = objects.flatMap((object) => {
    const spec = boundsOf(object)
    if (spec === undefined) return []
    const { apiVersion, kind, metadata } = object
    const { name, namespace } = metadata
    const patch = {
      apiVersion,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      spec,
    }
    return [{ name: manifestName(object), text: formatYaml(patch) }]
  })
  const component = {
    apiVersion: 'kustomize.config.k8s.io/v1alpha1',
    kind: 'Component',
    patches: patches.map(({ name }) => ({ path: name })),
  }
  return [{ name: 'kustomization.yaml', text: formatYaml(component) }, ...patches]
}

/** What a plan decides of an object, as a merge patch of its `spec`. */
function boundsOf(object: ClusterObject): object | undefined {
  switch (object.kind) {
    case 'ScaledObject':
      return scaledObjectBounds(object)
    case 'HorizontalPodAutoscaler': {
      const { minReplicas, maxReplicas, behavior } = object.spec
      return { minReplicas, maxReplicas, ...toleranceOf(behavior, (changed) => ({ behavior: changed })) }
    }
    case 'NodePool':
      return { limits: object.spec.limits }
    default:
      return undefined
  }
}

/** The triggers are patched whole: a merge patch replaces lists, so that floors cannot come alone. */
function scaledObjectBounds({ spec }: ScaledObject): object {
  const { behavior } = spec.advanced.horizontalPodAutoscalerConfig
  return {
    minReplicaCount: spec.minReplicaCount,
    maxReplicaCount: spec.maxReplicaCount,
    ...toleranceOf(behavior, (changed) => ({
      advanced: { horizontalPodAutoscalerConfig: { behavior: changed } },
    })),
    triggers: spec.triggers,
  }
}

/** Exact floors count on the tolerance of scaling up; the rest of the behaviour stays the base's. */
function toleranceOf(
  { scaleUp: { tolerance } }: ScalingBehavior,
  place: (changed: object) => object,
): object {
  return tolerance === undefined ? {} : place({ scaleUp: { tolerance } })
}
