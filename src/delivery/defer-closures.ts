import { createRequire, Module } from 'node:module'

// Import it before the Pulumi SDK. The SDK starts with the TypeScript compiler and npm's resolver, a third of a second,
// for programs that serialise functions
// (https://www.pulumi.com/docs/iac/concepts/functions/function-serialization/). Ours do not: each is loaded when
// something of it is first asked for.

const require = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi/package.json'))

for (const name of ['./typescript-shim.js', '@npmcli/arborist']) deferModule(require.resolve(name))

function deferModule(path: string): void {
  if (require.cache[path] !== undefined) return
  const load = (): Record<string | symbol, unknown> => {
    if (require.cache[path] === deferred) delete require.cache[path]
    return require(path)
  }
  const deferred = new Module(path)
  // What claims to be an ES module is not copied by who imports it.
  deferred.exports = new Proxy({}, { get: (_none, name) => name === '__esModule' || load()[name] })
  deferred.loaded = true
  require.cache[path] = deferred
}
