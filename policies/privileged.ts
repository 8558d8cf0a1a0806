import type { Limits } from '../src/config/policy-settings.js'
import { allContainers, type Container, findPods, type Pods } from './pods.js'
import type { Policy } from './policy.js'
import { items, property, text } from './properties.js'

/**
 * What Kubernetes calls baseline, https://kubernetes.io/docs/concepts/security/pod-security-standards/, and IPC_LOCK,
 * with which EFA pins memory between nodes.
 */
const harmlessCapabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'IPC_LOCK',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/** No pod is privileged, uses the host's namespaces or may gain privileges. */
export function privileged({ capabilities }: Limits<'privileged'>): Policy {
  const allowed = [...harmlessCapabilities, ...capabilities]
  return {
    name: 'privileged',
    description: 'No pod is privileged, uses the host’s namespaces or may gain privileges.',
    looksAt: 'resource',
    check({ resources }) {
      return findPods(resources).flatMap((pods) =>
        [
          ...findHostNamespaces(pods),
          ...allContainers(pods).flatMap((container) => findPrivileges(container, allowed)),
        ].map((message) => ({ subject: pods.subject, message })),
      )
    },
  }
}

function findHostNamespaces({ spec }: Pods): string[] {
  return ['hostNetwork', 'hostPID', 'hostIPC']
    .filter((field) => spec[field] === true)
    .map((field) => `has ${field}: remove it`)
}

function findPrivileges(container: Container, allowed: readonly string[]): string[] {
  const name = text(container['name'])
  const added = items(property(container, 'securityContext', 'capabilities', 'add'))
    .map(text)
    .filter((capability) => !allowed.includes(capability.replace(/^CAP_/, '')))
  return [
    ...['privileged', 'allowPrivilegeEscalation']
      .filter((field) => property(container, 'securityContext', field) === true)
      .map((field) => `container ${name} has securityContext.${field}: set it to false`),
    ...added.map(
      (capability) =>
        `container ${name} adds the capability ${capability}: remove it, or allow it in policies.privileged.capabilities`,
    ),
  ]
}
