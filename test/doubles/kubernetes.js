// What the stand-in for the Kubernetes provider knows: names of objects and which changes replace them.
module.exports = {
  version: '4.34.2',
  check: ({ name, news, olds, hex }) => {
    const metadata = news.metadata ?? {}
    return { ...news, metadata: { ...metadata, name: metadata.name ?? olds.metadata?.name ?? `${name}-${hex}` } }
  },
  replaces: (path) => /^(apiVersion|kind|metadata\.name|metadata\.namespace|spec\.selector)/.test(path),
  id: ({ metadata }) => [metadata.namespace, metadata.name].filter(Boolean).join('/'),
  // Server-side apply takes an object over that exists.
  existing: () => 'keep',
}
