import type { OwnPod } from './cluster-object.js'

/** A user without a name or rights: the kubelet cannot tell of a named user that it is not root. */
const user = 65532

/** Where the keys of a Secret of ours are files, for TLS and {file: PATH}. */
export const secretFolder = '/var/run/secrets/llmscale'

/** What differs from pod to pod. */
interface OwnPodSettings {
  /** Default: that of a job. */
  restartPolicy?: OwnPod['restartPolicy']
  /** Of the container. */
  name: string
  image: string
  serviceAccount: string
  /** Arguments of `llmscale`. */
  args: string[]
  /** A Secret whose keys become environment variables. */
  secret?: string | undefined
  resources: OwnPod['containers'][number]['resources']
  /** Mounts and volumes beside the folder for temporary files, which is the only one that it may write to of its own. */
  mounts: { mount: OwnPod['containers'][number]['volumeMounts'][number]; volume: OwnPod['volumes'][number] }[]
}

/**
 * A pod that runs llmscale inside a cluster; the `restricted` standard admits it
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
 */
export function createOwnPod(settings: OwnPodSettings): OwnPod {
  const { restartPolicy = 'Never', name, image, serviceAccount, args, secret, resources, mounts } = settings
  return {
    serviceAccountName: serviceAccount,
    // It never asks Kubernetes anything; the token for AWS is another one, which EKS mounts all the same.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy,
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

/** The mount of a Secret whose keys a configuration may name as files below `secretFolder`; none without one. */
export function secretMounts(secret: string | undefined): OwnPodSettings['mounts'] {
  if (secret === undefined) return []
  return [
    {
      mount: { name: 'secret', mountPath: secretFolder, readOnly: true },
      volume: { name: 'secret', secret: { secretName: secret, defaultMode: 0o440 } },
    },
  ]
}
