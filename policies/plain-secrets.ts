import type { Limits } from '../src/config/policy-settings.js'
import { findSecretFlags, findTokenForms, holdsSecret, namesSecret } from '../src/kit/secret-forms.js'
import { allContainers, type Container, findPods } from './pods.js'
import type { Policy, PolicyResource } from './policy.js'
import { isBlock, items, property, text } from './properties.js'

/**
 * No secret stands in plain text in what is deployed: everybody who may read the object, the engine's state or the
 * repository has it. Messages name the place and never the value.
 */
export function plainSecrets({ ignored }: Limits<'plainSecrets'>): Policy {
  return {
    name: 'plain-secrets',
    description: 'No secret stands in plain text in what is deployed.',
    looksAt: 'resource',
    check({ resources }) {
      return resources.flatMap((resource) =>
        [
          ...findSecretObjects(resource),
          ...findTokens(resource.properties, ''),
          ...findPods([resource]).flatMap((pods) =>
            allContainers(pods).flatMap((container) => findNamedSecrets(container, ignored)),
          ),
        ].map((place) => ({
          subject: resource.name,
          message: `${place}: reference a Secret of the cluster (secretKeyRef), or remove it`,
        })),
      )
    },
  }
}

function findSecretObjects({ properties }: PolicyResource): string[] {
  if (properties['kind'] !== 'Secret') return []
  return ['data', 'stringData']
    .filter((field) => Object.keys(property(properties, field) ?? {}).length > 0)
    .map((field) => `is a Secret with its ${field} in plain sight`)
}

/** Tokens in any text below a value, by their form. */
function findTokens(value: unknown, path: string): string[] {
  if (typeof value === 'string')
    return findTokenForms(value).map((what) => `${path} has what looks like ${what}`)
  if (Array.isArray(value)) return value.flatMap((item, index) => findTokens(item, `${path}[${index}]`))
  if (!isBlock(value)) return []
  return Object.entries(value).flatMap(([key, part]) =>
    findTokens(part, path === '' ? key : `${path}.${key}`),
  )
}

/** Variables and arguments whose names say that their values are secrets. */
function findNamedSecrets(container: Container, ignored: readonly string[]): string[] {
  const variables = items(container['env'])
    .map((entry) => ({ name: text(property(entry, 'name')), value: property(entry, 'value') }))
    .filter(({ name, value }) => !ignored.includes(name) && namesSecret(name) && holdsSecret(value))
    .map(({ name }) => `variable ${name} looks like a secret`)
  const words = [...items(container['command']), ...items(container['args'])].map(text)
  const flags = findSecretFlags(words)
    .filter(({ name }) => !ignored.includes(name))
    .map(({ name }) => `argument --${name} looks like a secret`)
  return [...variables, ...flags]
}
