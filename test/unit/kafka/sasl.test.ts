import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { saslExchange, Scram } from '../../../src/kafka/wire/sasl.ts'

test('SCRAM-SHA-256: the exchange of RFC 7677, section 3', async () => {
  const scram = new Scram('SCRAM-SHA-256', 'user', 'pencil', 'rOprNGfwEbeRWgbNEkqO')
  assert.equal((await scram.first()).toString(), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  const proof = await scram.answer(
    Buffer.from('r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'),
  )
  assert.equal(
    proof?.toString(),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  assert.equal(await scram.answer(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')), undefined)
})

test('SCRAM-SHA-512: a server that computes the other half agrees', async () => {
  const scram = new Scram('SCRAM-SHA-512', 'a=b,c', 'pässword', 'nonce')
  const first = (await scram.first()).toString()
  assert.equal(first, 'n,,n=a=3Db=2Cc,r=nonce')
  const serverFirst = 'r=nonceserver,s=c2FsdHNhbHQ=,i=8192'
  const proof = (await scram.answer(Buffer.from(serverFirst)))?.toString() ?? ''
  const salted = pbkdf2Sync('pässword', 'saltsalt', 8192, 64, 'sha512')
  const authMessage = `${first.slice(3)},${serverFirst},c=biws,r=nonceserver`
  const clientKey = createHmac('sha512', salted).update('Client Key').digest()
  const signature = createHmac('sha512', createHash('sha512').update(clientKey).digest()).update(authMessage).digest()
  const sent = Buffer.from(proof.split(',p=')[1], 'base64')
  assert.deepEqual(
    sent.map((byte, i) => byte ^ signature[i]),
    clientKey,
  )
})

test('SCRAM: a server that does not know the password, cheats or refuses is turned away', async () => {
  const good = 'r=abcdef,s=c2FsdA==,i=4096'
  const begun = async (challenge: string) => {
    const scram = new Scram('SCRAM-SHA-256', 'u', 'p', 'abc')
    await scram.first()
    return { scram, answer: scram.answer(Buffer.from(challenge)) }
  }
  await assert.rejects((await begun('r=xyz,s=c2FsdA==,i=4096')).answer, /nonce does not continue ours/)
  await assert.rejects((await begun('r=abc,s=c2FsdA==,i=4096')).answer, /nonce does not continue ours/)
  await assert.rejects((await begun('r=abcdef,s=c2FsdA==,i=1')).answer, /asks for 1 iterations/)
  await assert.rejects((await begun('r=abcdef,s=c2FsdA==,i=100000000')).answer, /asks for 100000000 iterations/)
  await assert.rejects((await begun('rubbish')).answer, /makes no sense/)
  for (const [final, message] of [
    ['v=AAAA', /could not prove/],
    ['', /could not prove/],
    ['e=invalid-proof', /the server says "invalid-proof"/],
  ] as const) {
    const { scram, answer } = await begun(good)
    await answer
    await assert.rejects(scram.answer(Buffer.from(final)), message)
  }
})

test('PLAIN and OAUTHBEARER messages', async () => {
  const plain = saslExchange({ mechanism: 'PLAIN', username: 'user', password: 'päss' })
  assert.equal((await plain.first()).toString(), '\0user\0päss')
  assert.equal(await plain.answer(Buffer.alloc(0)), undefined)
  let calls = 0
  const bearer = saslExchange({ mechanism: 'OAUTHBEARER', token: async () => `token${++calls}` })
  assert.equal((await bearer.first()).toString('latin1'), 'n,,\x01auth=Bearer token1\x01\x01')
  assert.equal(await bearer.answer(Buffer.alloc(0)), undefined)
  assert.deepEqual(await bearer.answer(Buffer.from('{"status":"invalid_token"}')), Buffer.of(1))
  await assert.rejects(
    saslExchange({ mechanism: 'OAUTHBEARER', token: 'two words' }).first(),
    /characters that a token cannot have/,
  )
})

test('OAUTHBEARER reads its token from a file, and says which file it cannot read', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sasl-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'token'), 'abc.def\n')
  assert.match(
    (await saslExchange({ mechanism: 'OAUTHBEARER', tokenFile: join(folder, 'token') }).first()).toString(),
    /Bearer abc\.def\x01/,
  )
  await assert.rejects(
    saslExchange({ mechanism: 'OAUTHBEARER', tokenFile: join(folder, 'none') }).first(),
    /cannot read the token file ".*none" \(ENOENT\)/,
  )
})
