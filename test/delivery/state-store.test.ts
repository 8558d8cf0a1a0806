import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StateStore } from '../../src/delivery/state-store.js'
import { statePlaces } from './state-places.js'

// What locks and receipts ask of a place, held for each of them.

for (const { name, isThere, start } of statePlaces) {
  describe.skipIf(!isThere)(`the store in ${name}`, () => {
    let place: Awaited<ReturnType<typeof start>>
    const open = async (): Promise<[StateStore, StateStore]> => place.open()
    beforeAll(async () => {
      place = await start()
    })
    afterAll(() => place?.stop())

    it('is empty before anything is written', async () => {
      const [store] = await open()
      expect(await store.read('locks/a.json')).toBeUndefined()
      expect(await store.list('receipts/prod')).toEqual([])
      await store.remove(new Map([['locks/a.json', 'a\n']]))
    })

    it('gives back what another wrote, and the paths of one folder in order', async () => {
      const [store, other] = await open()
      await store.write('receipts/prod/2.json', 'two\n')
      await store.write('receipts/prod/1.json', 'one\n')
      await store.write('receipts/prod-eu/3.json', 'three\n')
      await other.write('receipts/prod/2.json', 'two ä\n')
      expect(await store.read('receipts/prod/2.json')).toBe('two ä\n')
      expect(await other.list('receipts/prod')).toEqual(['receipts/prod/1.json', 'receipts/prod/2.json'])
    })

    it('creates all or nothing', async () => {
      const [store, other] = await open()
      expect(await store.create(new Map([['locks/b.json', 'first\n']]))).toEqual([])
      const files = new Map([
        ['locks/c.json', 'second\n'],
        ['locks/b.json', 'second\n'],
        ['locks/a.json', 'second\n'],
      ])
      expect(await other.create(files)).toEqual(['locks/b.json'])
      expect(await other.list('locks')).toEqual(['locks/b.json'])
      expect(await other.read('locks/b.json')).toBe('first\n')
    })

    it('removes only what is still as it was read', async () => {
      const [store, other] = await open()
      const mine = new Map([
        ['locks/a.json', 'mine\n'],
        ['locks/b.json', 'mine\n'],
      ])
      await store.create(mine)
      await other.write('locks/b.json', 'theirs\n')
      await store.remove(mine)
      expect(await store.list('locks')).toEqual(['locks/b.json'])
      await store.remove(mine)
      expect(await other.read('locks/b.json')).toBe('theirs\n')
    })

    it('lets exactly one of several creators win', { timeout: 120_000 }, async () => {
      const [store, other] = await open()
      const tries = ['one', 'two', 'three', 'four'].map(async (text, index) => {
        const files = new Map(['b', 'a', 'c'].map((stack) => [`locks/${stack}.json`, `${text}\n`]))
        return { text, taken: await (index % 2 === 0 ? store : other).create(files) }
      })
      const winners = (await Promise.all(tries)).filter(({ taken }) => taken.length === 0)
      expect(winners).toHaveLength(1)
      for (const stack of ['a', 'b', 'c'])
        expect(await store.read(`locks/${stack}.json`)).toBe(`${winners[0]!.text}\n`)
    })

    it('keeps what several write at the same time', { timeout: 120_000 }, async () => {
      const [store, other] = await open()
      await Promise.all([
        store.write('receipts/prod/1.json', '1\n'),
        other.write('receipts/prod/2.json', '2\n'),
        other.create(new Map([['locks/a.json', 'a\n']])),
      ])
      expect(await store.list('receipts/prod')).toHaveLength(2)
      expect(await store.list('locks')).toHaveLength(1)
    })
  })
}

describe('the store in a folder', () => {
  it('leaves no other file behind', async () => {
    const [{ start }] = statePlaces as [(typeof statePlaces)[0]]
    const [store, other] = await (await start()).open()
    const files = new Map([['locks/a.json', 'a\n']])
    await Promise.all([store.create(files), other.create(files)])
    await Promise.all([store.remove(files), other.remove(files)])
    expect(readdirSync(`${store.place}/locks`)).toEqual([])
  })
})
