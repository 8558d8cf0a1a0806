import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

// The rooms in the order of the pipeline (ARCHITECTURE.md). A room may import the rooms listed here and itself.
const everything = [
  'kit',
  'catalog',
  'config',
  'metrics',
  'forecast',
  'sizing',
  'planning',
  'simulation',
  'manifests',
  'review',
  'delivery',
  'live',
]
const upTo = (room: string) => everything.slice(0, everything.indexOf(room))
const allowed: Record<string, string[]> = {
  kit: [],
  catalog: ['kit'],
  config: ['kit', 'catalog'],
  metrics: upTo('metrics'),
  forecast: upTo('forecast'),
  sizing: upTo('sizing'),
  planning: upTo('planning'),
  simulation: upTo('simulation'),
  manifests: upTo('planning').concat('planning'),
  review: upTo('review'),
  delivery: upTo('delivery'),
  live: upTo('live'),
  cli: [...everything, 'stacks', 'policies'],
  commands: [...everything, 'cli', 'stacks', 'policies'],
  policies: ['planning', 'config', 'kit'],
  stacks: ['manifests', 'planning', 'policies', 'config', 'kit'],
}

function sources(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

function roomOf(file: string): string {
  const [top, second] = relative('.', file).split('/')
  return top === 'src' ? second! : top!
}

const files = ['src', 'stacks', 'policies']
  .flatMap(sources)
  .filter((file) => file !== join('src', 'index.ts'))

const imports = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, specifier]) => ({
    file,
    imported: normalize(join(dirname(file), specifier!)).replace(/\.js$/, '.ts'),
  }))
})

describe('one direction', () => {
  it('reads real imports', () => {
    expect(imports.length).toBeGreaterThan(20)
    for (const { file, imported } of imports)
      expect(existsSync(imported), `${file} imports ${imported}`).toBe(true)
  })

  it('a room imports only rooms to its left', () => {
    const wrong = imports.filter(({ file, imported }) => {
      const [from, to] = [roomOf(file), roomOf(imported)]
      return from !== to && !allowed[from]?.includes(to)
    })
    expect(wrong.map(({ file, imported }) => `${file} → ${imported}`)).toEqual([])
  })

  it('has no circle', () => {
    const edges = new Map<string, string[]>()
    for (const { file, imported } of imports) edges.set(file, [...(edges.get(file) ?? []), imported])
    const done = new Set<string>()
    const walk = (file: string, path: string[]): void => {
      expect(path.includes(file), [...path, file].join(' → ')).toBe(false)
      if (done.has(file)) return
      for (const next of edges.get(file) ?? []) walk(next, [...path, file])
      done.add(file)
    }
    for (const file of files) walk(file, [])
  })

  it('the core touches neither the world nor a clock', () => {
    const pure = ['forecast', 'sizing', 'planning', 'simulation', 'manifests', 'review', 'config', 'catalog']
    const impure = files
      .filter((file) => pure.includes(roomOf(file)))
      .filter((file) =>
        /from 'node:(?!crypto|path)|Date\.now\(|new Date\(\)|Math\.random\(|process\.env/.test(
          readFileSync(file, 'utf8'),
        ),
      )
    expect(impure).toEqual([])
  })
})
