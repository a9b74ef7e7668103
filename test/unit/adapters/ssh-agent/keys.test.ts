import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { readKeys, readSignature } from '../../../../src/adapters/ssh-agent/wire.ts';
import { openAgentKey } from '../../../../src/adapters/ssh-agent-keys.ts';
import { milliseconds, seconds, utf8 } from '../../../../src/base/index.ts';
import { keyStoreOf } from '../../../../src/security/index.ts';
import { type AgentAnswer, fakeSshAgent, message, str, u32 } from '../../../kit/fake-ssh-agent.ts';

const REQUEST_IDENTITIES = 11;
const PATIENT = { list: seconds(20), sign: seconds(20) };
const HASTY = { list: milliseconds(50), sign: milliseconds(50) };
const data = utf8('an order');

function pair(kind: 'ed25519' | 'ec'): {
  readonly key: KeyObject;
  readonly blob: Buffer;
  readonly raw: Buffer;
} {
  const { privateKey, publicKey } =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const raw = kind === 'ed25519' ? spki.subarray(-32) : spki.subarray(-65);
  const blob =
    kind === 'ed25519'
      ? Buffer.concat([str('ssh-ed25519'), str(raw)])
      : Buffer.concat([str('ecdsa-sha2-nistp256'), str('nistp256'), str(raw)]);
  return { key: privateKey, blob, raw };
}

const ed = pair('ed25519');
const ec = pair('ec');
const rsa = Buffer.concat([str('ssh-rsa'), str(Buffer.from([1, 0, 1])), str(Buffer.alloc(257, 1))]);
const touch = Buffer.concat([str('sk-ssh-ed25519@openssh.com'), str(ed.raw), str('ssh:')]);
const fingerprint = (blob: Buffer) =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

const keyList = (...keys: readonly (readonly [Buffer, string])[]): Buffer =>
  message(12, u32(keys.length), ...keys.flatMap(([blob, comment]) => [str(blob), str(comment)]));
const ALL = keyList(
  [ed.blob, 'olga'],
  [ec.blob, 'token'],
  [rsa, 'old'],
  [touch, 'fido'],
  [ec.blob, 'twin'],
  [ed.blob, 'twin'],
);

/** The number without leading zeros, with one where it would look negative. */
function mpint(bytes: Uint8Array): Buffer {
  let at = 0;
  while (at < bytes.byteLength && bytes[at] === 0) at += 1;
  const digits = bytes.subarray(at);
  return str((digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

function signed(question: Uint8Array, by: typeof ed): Buffer {
  const view = Buffer.from(question);
  const blobBytes = view.readUInt32BE(5);
  const dataAt = 9 + blobBytes;
  const asked = view.subarray(dataAt + 4, dataAt + 4 + view.readUInt32BE(dataAt));
  if (by === ed) return message(14, str(Buffer.concat([str('ssh-ed25519'), str(sign(null, asked, ed.key))])));
  const rs = sign('sha256', asked, { key: ec.key, dsaEncoding: 'ieee-p1363' });
  const numbers = Buffer.concat([mpint(rs.subarray(0, 32)), mpint(rs.subarray(32))]);
  return message(14, str(Buffer.concat([str('ecdsa-sha2-nistp256'), str(numbers)])));
}

const agent =
  (toSign: AgentAnswer, list: Uint8Array = ALL): AgentAnswer =>
  (question, socket) =>
    question[4] === REQUEST_IDENTITIES ? list : toSign(question, socket);

await t.test(
  'a key in the agent signs as a file of the same key would, by fingerprint or by comment',
  async (t) => {
    const environment = await fakeSshAgent(
      t,
      agent((q) => signed(q, Buffer.from(q).includes(ed.raw) ? ed : ec)),
    );
    const byComment = await openAgentKey('ssh-agent:olga', environment, PATIENT);
    t.same(byComment.publicKey, keyStoreOf(ed.key).publicKey);
    t.same(
      await byComment.sign(data),
      await keyStoreOf(ed.key).sign(data),
      'Ed25519 signs the same each time',
    );
    const byPrint = await openAgentKey(`ssh-agent:${fingerprint(ec.blob)}`, environment, PATIENT);
    t.equal(byPrint.publicKey.algorithm, 'ES256', 'one that is there twice is one');
    const token = await openAgentKey('ssh-agent:token', environment, PATIENT);
    t.equal(token.publicKey.algorithm, 'ES256');
    for (let n = 0; n < 64; n += 1) t.equal((await token.sign(utf8(`order ${n}`))).byteLength, 64);
  },
);

await t.test('what cannot sign is refused in words, with the keys there are', async (t) => {
  const environment = await fakeSshAgent(
    t,
    agent(() => message(5)),
  );
  const refused = (name: string, sentence: RegExp, where = environment) =>
    t.rejects(openAgentKey(name, where, PATIENT), { code: 'NS_KEY_AGENT', message: sentence });
  await refused('ssh-agent:old', /ssh-rsa.*Ed25519 or P-256/);
  await refused('ssh-agent:fido', /security key signs other bytes/);
  await refused('ssh-agent:twin', /2 keys "twin"/);
  await refused('ssh-agent:', /no key "".*ssh-agent:SHA256:.*\(olga\).*old, signs no orders/);
  await refused('ssh-agent:SHA256:x', /no key "SHA256:x"/);
  await refused('ssh-agent:olga', /SSH_AUTH_SOCK is not set/, {});
  await refused('ssh-agent:olga', /cannot be reached/, { SSH_AUTH_SOCK: '/nonexistent/agent' });
  const empty = await fakeSshAgent(
    t,
    agent(() => undefined, keyList()),
  );
  await refused('ssh-agent:olga', /it has no keys/, empty);
  const key = await openAgentKey('ssh-agent:olga', environment, PATIENT);
  await t.rejects(key.sign(data), { code: 'NS_KEY_AGENT', message: /locked, declined/ });
});

await t.test('an agent that talks junk, too much or nothing is an error, soon', async (t) => {
  const lists: Record<string, AgentAnswer> = {
    'a huge message': () => u32(0xffff_ffff),
    'an empty message': () => u32(0),
    'two answers': () => Buffer.concat([ALL, ALL]),
    'a closed socket': (_q, socket) => void socket.destroy(),
    'half an answer': (_q, socket) => void socket.end(ALL.subarray(0, 40)),
    'a huge key': () => message(12, u32(1), u32(0xffff_fff0)),
    'a million keys': () => message(12, u32(1_000_000)),
    'fewer keys than it says': () => message(12, u32(3), str(ed.blob), str('olga')),
    'no list': () => message(5),
  };
  for (const [name, answer] of Object.entries(lists)) {
    const environment = await fakeSshAgent(t, answer);
    await t.rejects(openAgentKey('ssh-agent:olga', environment, PATIENT), { code: 'NS_KEY_AGENT' }, name);
  }
  const silent = await fakeSshAgent(t, () => undefined);
  await t.rejects(openAgentKey('ssh-agent:olga', silent, HASTY), { message: /did not answer/ });
  const drip = await fakeSshAgent(t, (_q, socket) => {
    const drops = setInterval(() => socket.write('\0'), 20);
    socket.on('close', () => clearInterval(drops));
    return undefined;
  });
  await t.rejects(openAgentKey('ssh-agent:olga', drip, { ...PATIENT, list: milliseconds(60) }), {
    code: 'NS_KEY_AGENT',
  });
});

await t.test('a signature that is not one by this key over these bytes is never used', async (t) => {
  const other = pair('ed25519');
  const wrap = (kind: string, bytes: Uint8Array) => message(14, str(Buffer.concat([str(kind), str(bytes)])));
  const answers: Record<string, () => Uint8Array> = {
    'another key': () => wrap('ssh-ed25519', sign(null, data, other.key)),
    'other bytes': () => wrap('ssh-ed25519', sign(null, utf8('disable'), ed.key)),
    'another kind': () => wrap('ssh-rsa', sign(null, data, ed.key)),
    'too short': () => wrap('ssh-ed25519', sign(null, data, ed.key).subarray(1)),
    'too long': () => wrap('ssh-ed25519', Buffer.concat([sign(null, data, ed.key), Buffer.from([0])])),
    'more behind it': () =>
      message(14, str(Buffer.concat([str('ssh-ed25519'), str(sign(null, data, ed.key)), u32(0)]))),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const environment = await fakeSshAgent(t, agent(answer));
    const key = await openAgentKey('ssh-agent:olga', environment, PATIENT);
    await t.rejects(key.sign(data), { code: 'NS_KEY_AGENT' }, name);
  }
  const mute = await fakeSshAgent(
    t,
    agent(() => undefined),
  );
  const key = await openAgentKey('ssh-agent:olga', mute, { ...PATIENT, sign: milliseconds(50) });
  await t.rejects(key.sign(data), { message: /did not answer/ });
  const stopping = new AbortController();
  const patient = await openAgentKey('ssh-agent:olga', mute, PATIENT);
  const waiting = patient.sign(data, stopping.signal);
  stopping.abort(new Error('interrupted'));
  await t.rejects(waiting, { message: 'interrupted' });
});

await t.test('no bytes make the reader of answers do anything but say so', async (t) => {
  const [identity] = readKeys(ALL.subarray(4));
  const numbers = (r: Uint8Array, s: Uint8Array) =>
    message(
      14,
      str(Buffer.concat([str('ecdsa-sha2-nistp256'), str(Buffer.concat([str(r), str(s)]))])),
    ).subarray(4);
  const p256 = readKeys(ALL.subarray(4))[1]!;
  t.equal(
    readSignature(numbers(new Uint8Array([5]), new Uint8Array()), p256)[31],
    5,
    'small numbers are filled up',
  );
  for (const r of [new Uint8Array([0x80]), new Uint8Array(34).fill(1), new Uint8Array(33).fill(1)]) {
    t.throws(() => readSignature(numbers(r, new Uint8Array([1])), p256), { code: 'NS_KEY_AGENT' });
  }
  const told = (work: () => unknown): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      return (error as { code?: string }).code === 'NS_KEY_AGENT';
    }
  };
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(ALL.byteLength - 5),
      fc.nat(255),
      (junk, at, byte) => {
        const altered = new Uint8Array(ALL.subarray(4));
        altered[at] = byte;
        const typed = new Uint8Array([12, 0, 0, 0, 1, ...junk]);
        return (
          told(() => readKeys(junk)) &&
          told(() => readKeys(typed)) &&
          told(() => readKeys(altered)) &&
          told(() => readSignature(new Uint8Array([14, ...junk]), identity!))
        );
      },
    ),
  );
  t.pass();
});
