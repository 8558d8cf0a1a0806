// Stand-in for pulumi-language-nodejs, which comes with Pulumi's own installer and not with an engine built from Go
// modules. It speaks the public protocol (pulumirpc.LanguageRuntime) and runs programs and policy packs, nothing else.
'use strict'
const { spawn } = require('node:child_process')
const { createRequire } = require('node:module')

const sdk = createRequire(require.resolve('@pulumi/pulumi/package.json'))
const grpc = sdk('@grpc/grpc-js')
const { LanguageRuntimeService } = sdk('./proto/language_grpc_pb.js')
const language = sdk('./proto/language_pb.js')
const { PluginInfo } = sdk('./proto/plugin_pb.js')

let engine = process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? ''

const service = {
  handshake: (call, done) => {
    engine = call.request.getEngineAddress() || engine
    done(null, new language.LanguageHandshakeResponse())
  },
  getPluginInfo: (_call, done) => {
    const info = new PluginInfo()
    info.setVersion(sdk('./package.json').version)
    done(null, info)
  },
  getRequiredPlugins: (_call, done) => done(null, new language.GetRequiredPluginsResponse()),
  getRequiredPackages: (_call, done) => done(null, new language.GetRequiredPackagesResponse()),
  run: (call, done) => {
    const { request } = call
    const info = request.getInfo()
    const options = info.getOptions()?.toJavaScript() ?? {}
    const config = {}
    request.getConfigMap().forEach((value, key) => {
      config[key] = value
    })
    const flags = {
      monitor: request.getMonitorAddress(),
      engine,
      organization: request.getOrganization(),
      project: request.getProject(),
      stack: request.getStack(),
      pwd: request.getPwd(),
      'root-directory': info.getRootDirectory(),
      parallel: String(request.getParallel()),
    }
    const child = spawn(
      process.execPath,
      [
        ...(options.nodeargs ?? '').split(' ').filter(Boolean),
        sdk.resolve('./cmd/run'),
        ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
        ...(request.getDryrun() ? ['--dry-run'] : []),
        info.getEntryPoint(),
      ],
      {
        cwd: info.getProgramDirectory(),
        stdio: ['ignore', 'inherit', 'inherit'],
        env: {
          ...process.env,
          PULUMI_NODEJS_TYPESCRIPT: 'false',
          PULUMI_CONFIG: JSON.stringify(config),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        },
      },
    )
    call.on('cancelled', () => child.kill('SIGINT'))
    child.on('close', (code) => {
      const response = new language.RunResponse()
      // 32: the program has reported its error itself.
      if (code === 32) response.setBail(true)
      else if (code !== 0) response.setError(`the program exited with ${code}`)
      done(null, response)
    })
  },
  runPlugin: (call) => {
    const { request } = call
    const info = request.getInfo()
    const options = info.getOptions()?.toJavaScript() ?? {}
    const folder = info.getProgramDirectory()
    const answer = (set, value) => {
      const response = new language.RunPluginResponse()
      response[set](value)
      call.write(response)
    }
    if (request.getKind() !== 'analyzer') {
      call.emit('error', { code: grpc.status.UNIMPLEMENTED, message: `${request.getKind()} plug-ins are not run` })
      return
    }
    const child = spawn(
      process.execPath,
      [
        ...(options.nodeargs ?? '').split(' ').filter(Boolean),
        sdk.resolve('./cmd/run-policy-pack'),
        ...request.getArgsList(),
        folder,
      ],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, PULUMI_NODEJS_TYPESCRIPT: 'false' },
      },
    )
    child.stdout.on('data', (bytes) => answer('setStdout', bytes))
    child.stderr.on('data', (bytes) => answer('setStderr', bytes))
    call.on('cancelled', () => child.kill('SIGTERM'))
    child.on('close', (code) => {
      answer('setExitcode', code ?? 1)
      call.end()
    })
  },
}

const server = new grpc.Server()
server.addService(LanguageRuntimeService, service)
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  // The engine reads the port from the first line.
  console.log(port)
})
