// Stand-in for a Pulumi resource provider: it speaks the public protocol (pulumirpc.ResourceProvider), stores what it
// is given and knows no cluster and no cloud. The engine that calls it is real. Every call is logged as a line of JSON
// to the file named by LLMSCALE_DOUBLE_LOG. Limits: no check of schemas, replacements by a hand-written rule.
'use strict'
const { appendFileSync } = require('node:fs')
const { createHash } = require('node:crypto')
const { createRequire } = require('node:module')

const sdk = createRequire(require.resolve('@pulumi/pulumi/package.json'))
const grpc = sdk('@grpc/grpc-js')
const messages = sdk('./proto/provider_pb.js')
const { PluginInfo } = sdk('./proto/plugin_pb.js')
const { ResourceProviderService } = sdk('./proto/provider_grpc_pb.js')
const { Struct } = sdk('google-protobuf/google/protobuf/struct_pb.js')
const { Empty } = sdk('google-protobuf/google/protobuf/empty_pb.js')

const toValue = (struct) => (struct ? struct.toJavaScript() : {})
const toStruct = (value) => Struct.fromJavaScript(value)
const nameOf = (urn) => urn.split('::').pop()

/** Paths at which two values differ. */
function differences(before, after, path = '') {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const isTree = (value) => value !== null && typeof value === 'object'
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ path, kind: before === undefined ? 'ADD' : after === undefined ? 'DELETE' : 'UPDATE' }]
  }
  const keyPath = (key) => (Array.isArray(before) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`)
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    differences(before[key], after[key], keyPath(key)),
  )
}

/** Serves one package; `rules` say how it names, checks and replaces. */
function serve(packageName, rules) {
  const log = (call, details) => {
    const file = process.env.LLMSCALE_DOUBLE_LOG
    if (file) appendFileSync(file, `${JSON.stringify({ package: packageName, call, ...details })}\n`)
  }
  const answer = (method) => (call, done) => {
    try {
      done(null, method(call.request))
    } catch (error) {
      done({ code: grpc.status.UNKNOWN, message: error.message })
    }
  }
  const checked = (inputs) => {
    const response = new messages.CheckResponse()
    response.setInputs(toStruct(inputs))
    return response
  }

  // The parent is the engine: tests see that neither outlives an interrupt.
  log('start', { pid: process.pid, parent: process.ppid })

  const service = {
    getPluginInfo: () => {
      const info = new PluginInfo()
      info.setVersion(rules.version)
      return info
    },
    getSchema: () => {
      const response = new messages.GetSchemaResponse()
      response.setSchema(JSON.stringify({ name: packageName, version: rules.version }))
      return response
    },
    attach: () => new Empty(),
    cancel: () => new Empty(),
    checkConfig: (request) => checked(toValue(request.getNews())),
    diffConfig: () => new messages.DiffResponse(),
    configure: () => {
      const response = new messages.ConfigureResponse()
      response.setSupportspreview(true)
      return response
    },
    check: (request) => {
      const urn = request.getUrn()
      const hex = createHash('sha256').update(urn).digest('hex').slice(0, 8)
      const olds = toValue(request.getOlds())
      return checked(rules.check({ name: nameOf(urn), news: toValue(request.getNews()), olds, hex }))
    },
    diff: (request) => {
      const response = new messages.DiffResponse()
      const found = differences(toValue(request.getOldInputs()), toValue(request.getNews()))
      response.setChanges(found.length > 0 ? 2 : 1)
      response.setHasdetaileddiff(true)
      for (const { path, kind } of found) {
        const replaces = rules.replaces(path)
        const difference = new messages.PropertyDiff()
        difference.setKind(messages.PropertyDiff.Kind[replaces ? `${kind}_REPLACE` : kind])
        difference.setInputdiff(true)
        response.getDetaileddiffMap().set(path, difference)
        if (replaces) response.addReplaces(path)
      }
      return response
    },
    create: (request) => {
      const inputs = toValue(request.getProperties())
      const preview = request.getPreview()
      const response = new messages.CreateResponse()
      if (!preview) response.setId(rules.id(inputs))
      response.setProperties(toStruct(inputs))
      log('create', { urn: request.getUrn(), preview })
      return response
    },
    update: (request) => {
      const response = new messages.UpdateResponse()
      response.setProperties(request.getNews())
      log('update', { urn: request.getUrn(), preview: request.getPreview() })
      return response
    },
    delete: (request) => {
      log('delete', { urn: request.getUrn() })
      return new Empty()
    },
    read: (request) => {
      const response = new messages.ReadResponse()
      response.setId(request.getId())
      response.setProperties(request.getProperties())
      response.setInputs(request.getInputs())
      return response
    },
  }

  const size = 400 << 20
  const server = new grpc.Server({ 'grpc.max_receive_message_length': size, 'grpc.max_send_message_length': size })
  server.addService(
    ResourceProviderService,
    Object.fromEntries(Object.entries(service).map(([name, method]) => [name, answer(method)])),
  )
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error
    // The engine reads the port from the first line.
    console.log(port)
  })
}

module.exports = { serve }
