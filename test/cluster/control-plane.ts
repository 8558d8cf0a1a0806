import { randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type CertificateAuthority, createCertificateAuthority } from './certificate-authority.js'
import { connectCluster } from './cluster-client.js'
import { eventually } from './eventually.js'
import { freePorts } from './free-ports.js'
import { type GuardedProcess, startGuarded } from './guarded-process.js'
import { definitionsFolder, tierFolder } from './tiers.js'

/** A real etcd, API server, controllers and scheduler on loopback; the nodes alone are played, by kwok. */
export interface ControlPlane {
  /** A private folder, gone after `stop`. */
  folder: string
  /** Path of a kubeconfig of an administrator. */
  kubeconfig: string
  /** https://127.0.0.1:port */
  url: string
  authority: CertificateAuthority
  /** Starts one more program beside it, which ends with it; its log is `<name>.log` in the folder. */
  run(name: string, command: string, args: readonly string[], environment?: NodeJS.ProcessEnv): GuardedProcess
  /** Ends all its processes and removes its folder. */
  stop(): Promise<void>
}

/** Starts one, with the definitions of all custom resources that we write; about 7 s. */
export async function startControlPlane(): Promise<ControlPlane> {
  const prepared = join(tierFolder('core'), `etcd-${basename(definitionsFolder())}`)
  if (!existsSync(prepared)) await prepareData(prepared)
  const folder = createFolder()
  const data = join(folder, 'etcd')
  cpSync(prepared, data, { recursive: true })
  const plane = await startApiServer(folder, data)
  try {
    startControllers(plane)
    const { core } = connectCluster(plane.kubeconfig)
    // Pods are refused until the controllers have made it.
    await eventually('default service account', () =>
      core.readNamespacedServiceAccount({ name: 'default', namespace: 'default' }),
    )
    return plane
  } catch (error) {
    await plane.stop()
    throw error
  }
}

/** Applies the definitions once, and keeps etcd's data for all control planes to come. */
async function prepareData(prepared: string): Promise<void> {
  const part = `${prepared}.${process.pid}.part`
  const plane = await startApiServer(createFolder(), part)
  try {
    const { apply } = connectCluster(plane.kubeconfig)
    const folder = join(definitionsFolder(), 'definitions')
    for (const name of readdirSync(folder))
      for (const document of parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
        if (document.contents !== null) await apply(document.toJS())
    await plane.stop()
    if (!existsSync(prepared)) renameSync(part, prepared)
  } finally {
    await plane.stop()
    rmSync(part, { recursive: true, force: true })
  }
}

const createFolder = () => mkdtempSync(join(tmpdir(), 'llmscale-cluster-'))

/** An etcd on `data` and an API server, ready. Ends all that it started where that fails. */
async function startApiServer(folder: string, data: string): Promise<ControlPlane> {
  const processes: GuardedProcess[] = []
  const run: ControlPlane['run'] = (name, command, args, environment = {}) => {
    const started = startGuarded(command, args, {
      logFile: join(folder, `${name}.log`),
      environment,
      // etcd's guard removes it: the last to end, even when nobody is left to ask it to.
      ...(name === 'etcd' ? { removeFolder: folder } : {}),
    })
    processes.unshift(started)
    return started
  }
  const stop = async () => {
    for (const running of processes.splice(0)) await running.stop()
  }
  try {
    const [etcdPort, peerPort, port] = (await freePorts(3)) as [number, number, number]
    const authority = await createCertificateAuthority(folder)
    const plane = {
      folder,
      kubeconfig: join(folder, 'kubeconfig'),
      url: `https://127.0.0.1:${port}`,
      authority,
      run,
      stop,
    }
    const token = randomBytes(24).toString('hex')
    writeKubeconfig(plane, token)
    const etcdUrl = `http://127.0.0.1:${etcdPort}`
    const peerUrl = `http://127.0.0.1:${peerPort}`
    const servers = [
      run('etcd', join(tierFolder('core'), 'etcd'), [
        `--data-dir=${data}`,
        '--unsafe-no-fsync',
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        '--log-level=warn',
      ]),
      run('kube-apiserver', join(tierFolder('core'), 'kube-apiserver'), [
        `--etcd-servers=${etcdUrl}`,
        `--secure-port=${port}`,
        ...(await apiServerFlags(plane, token)),
      ]),
    ]
    const { isReady } = connectCluster(plane.kubeconfig)
    await eventually('API server', async () => {
      const ended = servers.find(({ exitCode }) => exitCode !== null)
      if (ended !== undefined) throw new Error(ended.log())
      return (await isReady()) || undefined
    })
    return plane
  } catch (error) {
    await stop()
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function writeKubeconfig({ kubeconfig, url, authority }: ControlPlane, token: string): void {
  const named = { name: 'llmscale-test' }
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ ...named, cluster: { server: url, 'certificate-authority-data': authority.base64 } }],
    users: [{ ...named, user: { token } }],
    contexts: [{ ...named, context: { cluster: named.name, user: named.name } }],
    'current-context': named.name,
  }
  writeFileSync(kubeconfig, JSON.stringify(content), { mode: 0o600 }) // JSON is YAML
}

/** https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ */
async function apiServerFlags({ folder, authority }: ControlPlane, token: string): Promise<string[]> {
  const tokens = join(folder, 'tokens.csv')
  writeFileSync(tokens, `${token},admin,admin,system:masters\n`, { mode: 0o600 })
  const server = await authority.issue('kube-apiserver', ['IP:127.0.0.1', 'DNS:localhost'])
  const client = await authority.issue('front-proxy-client')
  const serviceAccounts = await authority.issue('service-accounts')
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // Nobody reaches it through a Service, whose endpoints must not be on loopback.
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.0.0.0/16',
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--enable-priority-and-fairness=false',
    `--token-auth-file=${tokens}`,
    `--client-ca-file=${authority.certificateFile}`,
    `--tls-cert-file=${server.certificateFile}`,
    `--tls-private-key-file=${server.keyFile}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${serviceAccounts.certificateFile}`,
    `--service-account-signing-key-file=${serviceAccounts.keyFile}`,
    // How servers behind it, as those of external metrics, know that it is the API server who asks.
    `--requestheader-client-ca-file=${authority.certificateFile}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${client.certificateFile}`,
    `--proxy-client-key-file=${client.keyFile}`,
  ]
}

/** Controllers, scheduler and kwok; the autoscaler looks every second and waits 5 s, not 300, before it scales in. */
function startControllers({ folder, kubeconfig, authority, run }: ControlPlane): void {
  const binary = (name: string) => join(tierFolder('core'), name)
  const fast = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0', '--kube-api-qps=500']
  run('kube-controller-manager', binary('kube-controller-manager'), [
    ...fast,
    '--kube-api-burst=1000',
    `--service-account-private-key-file=${join(folder, 'service-accounts.key')}`,
    `--root-ca-file=${authority.certificateFile}`,
    '--horizontal-pod-autoscaler-sync-period=1s',
    '--horizontal-pod-autoscaler-downscale-stabilization=5s',
    // kwok's nodes send no heartbeat.
    '--node-monitor-grace-period=1h',
  ])
  run('kube-scheduler', binary('kube-scheduler'), [...fast, '--kube-api-burst=1000'])
  const stages = join(definitionsFolder(), 'stages')
  run('kwok', binary('kwok'), [
    `--kubeconfig=${kubeconfig}`,
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--node-ip=127.0.0.1',
    '--server-address=',
    ...readdirSync(stages).map((name) => `--config=${join(stages, name)}`),
  ])
}
