// Fetches what a control plane for tests is told to know: the definitions of the custom resources that we write, and
// the stages that kwok's nodes and pods go through. Both come from the Go modules that publish them, into a cache
// outside the repository, once; nothing of them is committed.
// Usage: node tools/cluster/definitions.mjs [--print]   (--print only names the folder that holds them)
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache } from '../engine/go-build.mjs'

/** Module and version → the folders that are of use; the newest versions that Go 1.26.6 reads. */
const sources = {
  'github.com/kedacore/keda/v2@v2.21.0': ['config/crd/bases'],
  'github.com/aws/karpenter-provider-aws@v1.14.1': ['pkg/apis/crds'],
  'sigs.k8s.io/karpenter@v1.14.1': ['kwok/apis/crds'],
  'github.com/prometheus-operator/prometheus-operator@v0.85.0': ['example/prometheus-operator-crd'],
  'github.com/argoproj/argo-rollouts@v1.9.0': ['manifests/crds'],
  'sigs.k8s.io/gateway-api@v1.5.0': ['config/crd/standard'],
  'sigs.k8s.io/lws@v0.8.0': ['config/crd/bases'],
  'sigs.k8s.io/kwok@v0.8.0': ['kustomize/stage/node/fast', 'kustomize/stage/pod/fast'],
}

/** Kind of object → where files with it are put; folders hold others, e.g. of kustomize. */
const places = { CustomResourceDefinition: 'definitions', Stage: 'stages' }

const digest = createHash('sha256').update(JSON.stringify(sources)).digest('hex').slice(0, 8)
const definitionsFolder = join(cache, `cluster-definitions-${digest}`)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--print')) console.log(definitionsFolder)
  else fetchDefinitions()
}

/** Throws where Go cannot download a module. */
export function fetchDefinitions() {
  if (existsSync(definitionsFolder)) {
    console.error(`Definitions of custom resources are already there: ${definitionsFolder}`)
    return
  }
  const part = `${definitionsFolder}.${process.pid}.part`
  try {
    for (const place of Object.values(places)) mkdirSync(join(part, place), { recursive: true })
    for (const { Path: path, Version: version, Dir: module } of download(Object.keys(sources)))
      for (const folder of sources[`${path}@${version}`]) copyObjects(join(module, folder), part)
    renameSync(part, definitionsFolder)
    console.error(`Definitions of custom resources: ${definitionsFolder}`)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

function copyObjects(from, to) {
  for (const name of readdirSync(from).filter((name) => name.endsWith('.yaml'))) {
    const kind = /^kind: (\w+)$/m.exec(readFileSync(join(from, name), 'utf8'))?.[1]
    if (Object.hasOwn(places, kind)) copyFileSync(join(from, name), join(to, places[kind], name))
  }
}

/** Go checks each module against the public checksum database. */
function download(modules) {
  const { error, status, stdout, stderr } = spawnSync('go', ['mod', 'download', '-json', ...modules], {
    cwd: tmpdir(),
    env: { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' },
    encoding: 'utf8',
  })
  if (error !== undefined) throw error
  if (status !== 0)
    throw new Error(`go mod download exited with ${status}: ${stderr.trim()} ${stdout.trim()}`)
  // One JSON object after another, not a list.
  return JSON.parse(`[${stdout.replaceAll(/^}\n\{/gm, '},{')}]`)
}
