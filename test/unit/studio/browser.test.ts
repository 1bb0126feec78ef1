import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyText, type Hands, notCopied } from '../../../src/studio/clipboard.ts'
import { keep, keepNothing, kept } from '../../../src/studio/kept.ts'
import { switchTheme } from '../../../src/studio/shell/theme.ts'
import { studio } from '../../../src/studio/store.ts'

const works = { writeText: () => Promise.resolve() }
const refuses = { writeText: () => Promise.reject(new Error('Document is not focused.')) }

/** What is said, and what is shown, of a copy. */
async function said(clipboard: Hands['clipboard'], byCommand: () => boolean): Promise<readonly unknown[]> {
  await copyText('text', 'copied', { clipboard, byCommand })
  return [studio.get().announcement, notCopied.get()]
}

test('a copy takes the way that the browser has; one that fails says so where it is seen', async () => {
  const fails = (): never => {
    throw new Error('not for pages')
  }
  assert.deepEqual(await said(works, fails), ['copied', undefined])
  assert.deepEqual(await said(refuses, () => true), ['copied', undefined])
  assert.deepEqual(await said(refuses, () => false), ['', 'Not copied: Document is not focused.'])
  assert.deepEqual(await said(undefined, () => true), ['copied', undefined])
  for (const byCommand of [() => false, fails]) {
    const [announced, shown] = await said(undefined, byCommand)
    assert.equal(announced, '')
    assert.match(String(shown), /^Not copied: over plain http .* https or on localhost\.$/)
  }
  assert.deepEqual(await said(works, () => false), ['copied', undefined])
})

function withStorage(storage: object, act: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'localStorage')
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, ...storage })
  try {
    act()
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'localStorage')
    else Object.defineProperty(globalThis, 'localStorage', before)
  }
}

const full = {
  getItem: () => null,
  setItem: () => {
    throw new Error('QuotaExceededError')
  },
  removeItem: () => undefined,
}

test('a storage that is full, or switched off, keeps nothing and stops nothing', () => {
  withStorage({ value: full }, () => {
    studio.set((state) => ({ ...state, theme: 'system' }))
    switchTheme()
    assert.equal(studio.get().theme, 'light')
  })
  const off = {
    get: () => {
      throw new Error('SecurityError')
    },
  }
  withStorage(off, () => {
    switchTheme()
    assert.equal(studio.get().theme, 'dark')
    keep('a', 'b')
    assert.equal(kept('a'), null)
    keepNothing()
  })
})
