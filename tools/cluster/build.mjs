// Builds a Kubernetes control plane for tests from Go modules into a cache outside the repository, once, and fetches
// the definitions of the custom resources that we write.
// Usage: node tools/cluster/build.mjs [core | keda | karpenter]   (core where none is named)
//        node tools/cluster/build.mjs [tier] --print              (only names the folder that holds the binaries)
// core: etcd, API server, controllers, scheduler and kwok, which plays the nodes; keda and karpenter come on top of it.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildBinary, cache, digestFiles } from '../engine/go-build.mjs'
import { fetchDefinitions } from './definitions.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** `go build` stamps no version into a dependency; the API server refuses to start without one. */
const kubernetesVersion = [
  'gitVersion=v1.36.3',
  'gitMajor=1',
  'gitMinor=36',
  'gitTreeState=clean',
  `gitCommit=${'0'.repeat(40)}`,
  'buildDate=2026-01-01T00:00:00Z',
]
  .flatMap((field) =>
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].map((path) => `-X ${path}.${field}`),
  )
  .join(' ')

// Linking takes up to 3 GiB of memory, so binaries are made one after the other.
const tiers = {
  core: {
    etcd: { module: 'etcd', target: 'go.etcd.io/etcd/server/v3' },
    'kube-apiserver': kubernetesBinary('kube-apiserver'),
    'kube-controller-manager': kubernetesBinary('kube-controller-manager'),
    'kube-scheduler': kubernetesBinary('kube-scheduler'),
    kwok: { module: 'kwok', target: 'sigs.k8s.io/kwok/cmd/kwok' },
  },
  karpenter: {
    'karpenter-kwok': { module: 'karpenter', target: 'sigs.k8s.io/karpenter/kwok' },
  },
  keda: {
    ...Object.fromEntries(
      ['operator', 'adapter', 'webhooks'].map((name) => [
        `keda-${name}`,
        { module: 'keda', target: `github.com/kedacore/keda/v2/cmd/${name}` },
      ]),
    ),
    'keda-cron': { module: 'keda', target: './cron' },
  },
}

const [tier = 'core', ...others] = process.argv.slice(2).filter((argument) => argument !== '--print')
if (others.length > 0 || !Object.hasOwn(tiers, tier)) {
  console.error(
    `Unknown: ${[tier, ...others].join(' ')}. Allowed is one of ${Object.keys(tiers).join(', ')}.`,
  )
  process.exitCode = 2
} else if (process.argv.includes('--print')) {
  console.log(binaryFolder(tier))
} else {
  await build(tier)
}

function kubernetesBinary(name) {
  return {
    module: 'kubernetes',
    target: `k8s.io/kubernetes/cmd/${name}`,
    linkerFlags: kubernetesVersion,
  }
}

function binaryFolder(tier) {
  const modules = [...new Set(Object.values(tiers[tier]).map(({ module }) => module))]
  return join(cache, `cluster-${tier}-${digestFiles(modules.map((module) => join(here, module, 'go.sum')))}`)
}

async function build(tier) {
  const folder = binaryFolder(tier)
  try {
    for (const [name, { module, ...build }] of Object.entries(tiers[tier])) {
      const binary = join(folder, name)
      if (existsSync(binary)) {
        console.error(`${name} is already built: ${binary}`)
      } else {
        console.error(`Building ${name} from Go modules into ${folder}`)
        await buildBinary({ folder: join(here, module), binary, ...build })
      }
    }
    fetchDefinitions()
  } catch (error) {
    console.error(`The ${tier} tier could not be built: ${error.message}`)
    process.exitCode = 13
  }
}
