import type { JobPod } from './cluster-object.js'

/** A user without a name or rights: the kubelet cannot tell of a named user that it is not root. */
const user = 65532

/** What differs from job to job. */
export interface JobPodSettings {
  /** Of the container. */
  name: string
  image: string
  serviceAccount: string
  /** Arguments of `llmscale`. */
  args: string[]
  /** A Secret whose keys become environment variables. */
  secret?: string | undefined
  resources: JobPod['containers'][number]['resources']
  /** Mounts and volumes beside the folder for temporary files, which is the only one that it may write to of its own. */
  mounts: { mount: JobPod['containers'][number]['volumeMounts'][number]; volume: JobPod['volumes'][number] }[]
}

/**
 * The pod of a job that runs llmscale inside a cluster; the `restricted` standard admits it
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
 */
export function createJobPod(settings: JobPodSettings): JobPod {
  const { name, image, serviceAccount, args, secret, resources, mounts } = settings
  return {
    serviceAccountName: serviceAccount,
    // It never asks Kubernetes anything; the token for AWS is another one, which EKS mounts all the same.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: 'Never',
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name,
        image,
        command: ['llmscale'],
        args,
        workingDir: '/tmp',
        env: [{ name: 'HOME', value: '/tmp' }],
        ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
        resources,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [...mounts.map(({ mount }) => mount), { name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [...mounts.map(({ volume }) => volume), { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }],
  }
}
