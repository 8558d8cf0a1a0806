// Stand-in for a Pulumi resource provider: it speaks the public protocol (pulumirpc.ResourceProvider), stores what it
// is given and knows no cluster and no cloud. The engine that calls it is real. Every call is logged as a line of JSON
// to the file named by LLMSCALE_DOUBLE_LOG. Limits: no check of schemas, replacements by a hand-written rule.
//
// With LLMSCALE_STAND_IN_CLOUD, a folder, objects live there as files of their own, whatever the engine's state says,
// as they do in a real cloud; LLMSCALE_STAND_IN_DELAY_MS is how long each change takes, half of it after the object
// is there. LLMSCALE_STAND_IN_FAIL, a regular expression, names resources whose changes fail. While there is a file
// LLMSCALE_STAND_IN_PAUSE, changes are made and not answered.
//
// Rules of a package: version; check({type, name, news, olds, hex}) gives the inputs; replaces(path, type); id(inputs,
// {type, name}); existing(type): what creating an object that exists does: 'keep' it with the new inputs, 'refuse',
// or make 'another'; outputs({type, name, inputs, id, preview, update, unknown}), beside the inputs;
// invoke[token](arguments).
'use strict'
const { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { createHash, randomBytes } = require('node:crypto')
const { dirname, join } = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
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
const typeOf = (urn) => urn.split('::')[2].split('$').pop()
/** What the engine takes for a value that only a deployment will know. */
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

/** Tests see that neither of the two outlives an interrupt. */
const engine = process.ppid

/** Objects of one package on disk; without a folder it keeps nothing. */
function openCloud(packageName) {
  const folder = process.env.LLMSCALE_STAND_IN_CLOUD
  const delay = Number(process.env.LLMSCALE_STAND_IN_DELAY_MS ?? 0)
  const fileOf = (type, id) => join(folder, packageName, encodeURIComponent(type), `${encodeURIComponent(id)}.json`)
  const failing = process.env.LLMSCALE_STAND_IN_FAIL
  const pause = process.env.LLMSCALE_STAND_IN_PAUSE
  const change = async (id, work) => {
    if (failing && new RegExp(failing).test(id)) throw new Error(`the stand-in refuses to change ${id}`)
    if (folder === undefined) return
    await sleep(delay / 2)
    work()
    await sleep(delay / 2)
    while (pause !== undefined && existsSync(pause) && process.ppid === engine) await sleep(20)
  }
  return {
    has: (type, id) => folder !== undefined && existsSync(fileOf(type, id)),
    read: (type, id) => {
      if (folder === undefined || !existsSync(fileOf(type, id))) return undefined
      return JSON.parse(readFileSync(fileOf(type, id), 'utf8'))
    },
    write: (type, id, inputs) =>
      change(id, () => {
        mkdirSync(dirname(fileOf(type, id)), { recursive: true })
        writeFileSync(fileOf(type, id), JSON.stringify(inputs))
      }),
    remove: (type, id) => change(id, () => rmSync(fileOf(type, id), { force: true })),
  }
}

/** Paths at which two values differ. */
function differences(before, after, path = '') {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const isTree = (value) => value !== null && typeof value === 'object'
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ path, kind: before === undefined ? 'ADD' : after === undefined ? 'DELETE' : 'UPDATE' }]
  }
  const keyPath = (key) => {
    if (Array.isArray(before)) return `${path}[${key}]`
    if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
    return path === '' ? key : `${path}.${key}`
  }
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
  let calls = 0
  const answer = (method) => async (call, done) => {
    calls++
    try {
      done(null, await method(call.request))
    } catch (error) {
      done({ code: grpc.status.UNKNOWN, message: error.message })
    } finally {
      calls--
    }
  }
  const checked = (inputs) => {
    const response = new messages.CheckResponse()
    response.setInputs(toStruct(inputs))
    return response
  }
  const cloud = openCloud(packageName)
  const outputsOf = (urn, inputs, id, preview, update = false) => ({
    ...inputs,
    ...rules.outputs?.({ type: typeOf(urn), name: nameOf(urn), inputs, id, preview, update, unknown }),
  })
  const newId = (urn, inputs) => {
    const type = typeOf(urn)
    const id = rules.id(inputs, { type, name: nameOf(urn) })
    if (!cloud.has(type, id)) return id
    switch (rules.existing?.(type) ?? 'keep') {
      case 'keep':
        return id
      case 'refuse':
        throw new Error(`${type} ${id} already exists`)
      case 'another':
        return `${id}-${randomBytes(4).toString('hex')}`
    }
  }

  log('start', { pid: process.pid, parent: engine })
  // Without its engine it does what it was asked for, and ends, as real providers do after some minutes.
  setInterval(() => {
    if (process.ppid !== engine && calls === 0) process.exit()
  }, 100)

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
    cancel: () => {
      log('cancel')
      return new Empty()
    },
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
      const news = toValue(request.getNews())
      return checked(rules.check({ type: typeOf(urn), name: nameOf(urn), news, olds, hex }))
    },
    diff: (request) => {
      const response = new messages.DiffResponse()
      const found = differences(toValue(request.getOldInputs()), toValue(request.getNews()))
      response.setChanges(found.length > 0 ? 2 : 1)
      response.setHasdetaileddiff(true)
      for (const { path, kind } of found) {
        const replaces = rules.replaces(path, typeOf(request.getUrn()))
        const difference = new messages.PropertyDiff()
        difference.setKind(messages.PropertyDiff.Kind[replaces ? `${kind}_REPLACE` : kind])
        difference.setInputdiff(true)
        response.getDetaileddiffMap().set(path, difference)
        if (replaces) response.addReplaces(path)
      }
      return response
    },
    create: async (request) => {
      const urn = request.getUrn()
      const inputs = toValue(request.getProperties())
      const preview = request.getPreview()
      const response = new messages.CreateResponse()
      const id = preview ? '' : newId(urn, inputs)
      log('create', { urn, preview })
      if (!preview) {
        await cloud.write(typeOf(urn), id, inputs)
        response.setId(id)
      }
      response.setProperties(toStruct(outputsOf(urn, inputs, id, preview)))
      return response
    },
    update: async (request) => {
      const urn = request.getUrn()
      const inputs = toValue(request.getNews())
      const preview = request.getPreview()
      const response = new messages.UpdateResponse()
      log('update', { urn, preview })
      if (!preview) await cloud.write(typeOf(urn), request.getId(), inputs)
      response.setProperties(toStruct(outputsOf(urn, inputs, request.getId(), preview, true)))
      return response
    },
    delete: async (request) => {
      log('delete', { urn: request.getUrn() })
      await cloud.remove(typeOf(request.getUrn()), request.getId())
      return new Empty()
    },
    read: (request) => {
      const urn = request.getUrn()
      const response = new messages.ReadResponse()
      const inputs = cloud.read(typeOf(urn), request.getId())
      // Without a cloud on disk everything is as the state says; with one, what is not there has no id.
      if (inputs === undefined && process.env.LLMSCALE_STAND_IN_CLOUD !== undefined) return response
      response.setId(request.getId())
      response.setInputs(inputs === undefined ? request.getInputs() : toStruct(inputs))
      response.setProperties(
        inputs === undefined
          ? request.getProperties()
          : toStruct(outputsOf(urn, inputs, request.getId(), false)),
      )
      return response
    },
    invoke: (request) => {
      const response = new messages.InvokeResponse()
      const token = request.getTok()
      const given = toValue(request.getArgs())
      log('invoke', { token, given })
      const known = rules.invoke?.[token]
      if (known === undefined) throw new Error(`the stand-in for ${packageName} has no answer to ${token}`)
      response.setReturn(toStruct(known(given)))
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
