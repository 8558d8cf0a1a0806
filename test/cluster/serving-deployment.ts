/** A team's own Deployment of one LLM server, without `replicas`, as a chart beside an autoscaler has it. */
export function servingDeployment(
  name: string,
  {
    gpus,
    priorityClassName,
    namespace = 'serving',
  }: { gpus: number; priorityClassName?: string; namespace?: string },
) {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...(priorityClassName === undefined ? {} : { priorityClassName }),
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'server',
              image: 'registry.example/llm-server:1',
              resources: { limits: { 'nvidia.com/gpu': String(gpus) } },
            },
          ],
        },
      },
    },
  }
}
