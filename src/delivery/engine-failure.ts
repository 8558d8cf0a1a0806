import { explainMissingKind } from './custom-resource.js'

/** A failure of the engine in words that say what to do. */
export interface EngineFailure {
  /** ENGINE_FAILED where nothing is known of it. */
  code: string
  message: string
  tryThis: string[]
}

interface Cause {
  code: string
  /** What has happened, in one sentence. */
  because: string
  tryThis: string[]
}

/**
 * What the engine and its providers said, explained: the known causes first, each with what to do, then their own
 * words. Lines are those that the engine reports as errors or warnings.
 */
export function explainEngineFailure(lines: readonly string[]): EngineFailure {
  const said = [...new Set(lines.map((line) => line.trim()).filter((line) => line !== ''))].join('\n')
  const causes = explainers.flatMap((explain) => explain(said))
  return {
    code: causes[0]?.code ?? 'ENGINE_FAILED',
    message: [...causes.map(({ because }) => because), `The Pulumi engine failed:\n${said}`].join('\n'),
    tryThis: [...new Set(causes.flatMap(({ tryThis }) => tryThis))],
  }
}

const explainers = [
  explainConflicts,
  explainPlugins,
  explainLock,
  explainPendingOperations,
  explainPassphrase,
  explainAwsCredentials,
  explainAwsLimits,
  explainCluster,
  explainMissingKinds,
  explainExisting,
  explainProtection,
]

/**
 * As the API server words it and the Kubernetes provider repeats it: `conflict with "a" using v1: .x`, or several,
 * each on a line of its own.
 */
function explainConflicts(said: string): Cause[] {
  const conflict = /conflicts? with "([^"]+)"[^\n]*?:((?: \.[^\n]+)|(?:\s*\n\s*- \.[^\n]+)+)/g
  return [...said.matchAll(conflict)].map(([, owner, list]) => {
    const fields = [...list!.matchAll(/\.\S+/g)].map(([field]) => field).join(', ')
    return {
      code: 'FIELD_CONFLICT',
      because: `${JSON.stringify(owner)} owns ${fields} of an object that this plan sets too: both would overwrite it in turn.`,
      tryThis: [
        `Remove ${fields} from what ${owner} applies, or take the field over with llmscale apply --adopt.`,
      ],
    }
  })
}

function explainPlugins(said: string): Cause[] {
  const missing =
    /(?:no|install) (resource|language|analyzer) plugin '?pulumi-\w+-([\w-]+)'?(?:[^\n]*?at version (v[\w.-]+))?/g
  return [...said.matchAll(missing)].map(([, kind, name, version]) => ({
    code: 'PLUGIN_MISSING',
    because: `The engine lacks the ${kind} plug-in ${name}${version === undefined ? '' : ` ${version}`}, and could not fetch it.`,
    tryThis:
      kind === 'resource'
        ? [
            `pulumi plugin install resource ${name}${version === undefined ? '' : ` ${version}`}`,
            `Without a network: fetch its archive from https://github.com/pulumi/pulumi-${name}/releases elsewhere, and add --file ARCHIVE.`,
          ]
        : [`Put pulumi-${kind}-${name}, which Pulumi's own archive holds, beside pulumi on PATH.`],
  }))
}

function explainLock(said: string): Cause[] {
  if (/Another update is currently in progress/.test(said))
    return [
      {
        code: 'STACK_LOCKED',
        because: 'Another update of this stack is running.',
        tryThis: ['Wait for it; if it is known to be dead: pulumi cancel.'],
      },
    ]
  if (!/stack is currently locked by \d+ lock/.test(said)) return []
  const holder = /(\S+?)\/\.pulumi\/locks\/(\S+)\/[^/\s]+: created by (\S+) \(pid (\d+)\) at (\S+)/.exec(said)
  if (holder === null)
    return [
      {
        code: 'STACK_LOCKED',
        because: 'Pulumi has locked the stack.',
        tryThis: ['Wait for the other process; if it is known to be dead: pulumi cancel.'],
      },
    ]
  const [, backend, stack, who, pid, since] = holder
  return [
    {
      code: 'STACK_LOCKED',
      because: `${who} (process ${pid}) has had the stack locked since ${since}.`,
      tryThis: [
        'Wait until it has ended.',
        `If it is known to be dead: PULUMI_BACKEND_URL='${backend}' pulumi cancel --yes --stack ${stack}`,
      ],
    },
  ]
}

function explainPendingOperations(said: string): Cause[] {
  if (!/with \d+ pending operations|pending operations:/.test(said)) return []
  const interrupted = [...said.matchAll(/\* (urn:\S+), interrupted while (\w+)/g)].map(
    ([, urn, operation]) => `${urn!.split('::').at(-1)} (${operation})`,
  )
  return [
    {
      code: 'OPERATIONS_PENDING',
      because: `An earlier run was interrupted, and it is not known whether it was done with ${interrupted.join(', ') || 'a resource'}.`,
      tryThis: [
        'llmscale apply looks at what is there and goes on from it; run it again.',
        'By hand: pulumi refresh --clear-pending-creates, then pulumi import for what exists all the same.',
      ],
    },
  ]
}

function explainPassphrase(said: string): Cause[] {
  if (/incorrect passphrase/.test(said))
    return [
      {
        code: 'PASSPHRASE_WRONG',
        because: 'The passphrase is not the one that the secrets of this stack were encrypted with.',
        tryThis: [
          'Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the passphrase of the first run.',
        ],
      },
    ]
  if (!/passphrase must be set/.test(said)) return []
  return [
    {
      code: 'PASSPHRASE_MISSING',
      because: 'The secrets of this stack are encrypted with a passphrase, and none is given.',
      tryThis: [
        'Set PULUMI_CONFIG_PASSPHRASE, or environments.<env>.secretsProvider in llmscale.yaml, e.g. awskms://alias/llmscale?region=us-east-1.',
      ],
    },
  ]
}

function explainAwsCredentials(said: string): Cause[] {
  if (
    /\bExpiredToken(?:Exception)?\b|RequestExpired|security token included in the request is expired|SSO (?:session|token)[^\n]*(?:expired|invalid)|refresh(?:ing)? (?:cached )?SSO token failed/i.test(
      said,
    )
  )
    return [
      {
        code: 'AWS_CREDENTIALS_EXPIRED',
        because: 'The AWS credentials have expired.',
        tryThis: ['Run aws sso login, or give new ones; in a workflow, ask for the role again.'],
      },
    ]
  if (!/No valid credential sources|no EC2 IMDS role found|unable to validate AWS credentials/i.test(said))
    return []
  return [
    {
      code: 'AWS_CREDENTIALS_MISSING',
      because: 'There are no AWS credentials that AWS takes.',
      tryThis: [
        'Set AWS_PROFILE, or run where a role is attached; aws sts get-caller-identity tells who AWS sees.',
      ],
    },
  ]
}

function explainAwsLimits(said: string): Cause[] {
  const causes: Cause[] = []
  const limit = /\b(VcpuLimitExceeded|MaxSpotInstanceCountExceeded)\b(?:[^\n]*?vCPU limit of (\d+))?/.exec(
    said,
  )
  if (limit !== null)
    causes.push({
      code: 'QUOTA_EXCEEDED',
      because: `The AWS account may launch no more vCPUs of this family${limit[2] === undefined ? '' : `: its quota is ${limit[2]}`}.`,
      tryThis: [
        'llmscale preview names the quota and what the plan needs; ask for more: aws service-quotas request-service-quota-increase.',
      ],
    })
  const capacity =
    /\bInsufficientInstanceCapacity\b(?:[^\n]*?sufficient (\S+) capacity in[^\n(]*\(([\w-]+)\))?/.exec(said)
  if (capacity !== null)
    causes.push({
      code: 'CAPACITY_INSUFFICIENT',
      because: `AWS has no ${capacity[1] ?? 'capacity of this instance type'} to give${capacity[2] === undefined ? '' : ` in ${capacity[2]}`} now.`,
      tryThis: [
        'Add subnets in other zones or another instance type to llmscale.yaml, or reserve capacity; what is deployed stays.',
      ],
    })
  return causes
}

function explainCluster(said: string): Cause[] {
  if (/context "[^"]*" does not exist|context was not found for specified context/.test(said))
    return [
      {
        code: 'CONTEXT_UNKNOWN',
        because: 'The kubeconfig has no such context.',
        tryThis: [
          'Correct environments.<env>.clusters.<region>.context in llmscale.yaml; kubectl config get-contexts lists them.',
        ],
      },
    ]
  if (/no configuration has been provided|unable to load Kubernetes client configuration/.test(said))
    return [
      {
        code: 'KUBECONFIG_MISSING',
        because: 'There is no usable kubeconfig.',
        tryThis: ['aws eks update-kubeconfig --name CLUSTER, or set KUBECONFIG.'],
      },
    ]
  if (
    /asked for the client to provide credentials|unable to load schema information[^\n]*Unauthorized/.test(
      said,
    )
  )
    return [
      {
        code: 'CLUSTER_UNAUTHORIZED',
        because:
          'The cluster does not take the credentials of the kubeconfig: they are wrong or have expired.',
        tryThis: ['Sign in again; on EKS give the role an access entry: aws eks create-access-entry.'],
      },
    ]
  if (!/configured Kubernetes cluster is unreachable/.test(said)) return []
  return [
    {
      code: 'CLUSTER_UNREACHABLE',
      because: 'The cluster of the kubeconfig does not answer.',
      tryThis: [
        'Check the network or VPN, and environments.<env>.clusters.<region>.context in llmscale.yaml.',
      ],
    },
  ]
}

function explainMissingKinds(said: string): Cause[] {
  const missing = /no matches for kind "([^"]+)" in version "([^"]+)"/g
  return [...said.matchAll(missing)].map(([, kind, apiVersion]) => {
    const what = explainMissingKind(apiVersion!)
    return {
      code: 'CRD_MISSING',
      because: `The cluster does not know ${kind} of ${apiVersion}.`,
      tryThis: [`${what.charAt(0).toUpperCase()}${what.slice(1)}.`],
    }
  })
}

/** A run that is killed between creating and noting leaves such things. */
function explainExisting(said: string): Cause[] {
  const existing =
    /already exists with name (\S+)|"([^"\n]+)" already exists|EntityAlreadyExists|ResourceAlreadyExists/.exec(
      said,
    )
  if (existing === null) return []
  return [
    {
      code: 'RESOURCE_EXISTS',
      because: `${existing[1] ?? existing[2] ?? 'What is to be created'} exists already, and the stack does not know of it.`,
      tryThis: [
        'Bring it into the stack as it is: pulumi import TYPE NAME ID; or delete it where it is not used.',
      ],
    },
  ]
}

function explainProtection(said: string): Cause[] {
  // The first of a replacement, the second of a deletion.
  const wordings =
    /resource "(urn:[^"]+)"\s+(?:as it is currently marked for protection|cannot be deleted\s+because it is protected)/g
  const names = [...said.matchAll(wordings)].map(([, urn]) => urn!.split('::').at(-1)!)
  if (names.length === 0) return []
  return [
    {
      code: 'RESOURCE_PROTECTED',
      because: `${[...new Set(names)].join(', ')} is protected: it bills until it ends, and would be lost.`,
      tryThis: [
        'Keep it in llmscale.yaml until it has ended; EC2 takes up to an hour after that, and then it is no more in the way.',
        'To give it up all the same: cancel it in EC2, and apply again.',
      ],
    },
  ]
}
