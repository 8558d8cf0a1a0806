/** A node with 96 CPUs, 2 TiB and GPUs that kwok reports ready; labels as a cloud's node has them may be added. */
export function fakeNode(
  name: string,
  { gpus, labels = {} }: { gpus: number; labels?: Record<string, string> },
) {
  const resources = { cpu: '96', memory: '2Ti', pods: '110', 'nvidia.com/gpu': String(gpus) }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': name, ...labels },
    },
    status: { allocatable: resources, capacity: resources },
  }
}
