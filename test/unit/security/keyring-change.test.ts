import t from 'tap';
import { utf8 } from '../../../src/base/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { encode } from '../../../src/protocol/index.ts';
import { sign1, signMany } from '../../../src/security/cose.ts';
import { judgeKeyring, type KeyringStanding } from '../../../src/security/keyring-change.ts';
import {
  encodeKeyring,
  type KeyringDocument,
  MAX_KEYRING_BYTES,
} from '../../../src/security/keyring-document.ts';
import {
  cosignKeyring,
  openKeyring,
  signersOf,
  signKeyring,
} from '../../../src/security/keyring-signatures.ts';
import { grant, NEXT_ROOTS, paper, ROOTS, rootsOf, signedPaper, textOf } from '../../kit/keyring-papers.ts';
import { testKey } from '../../kit/keys.ts';

const { ann, ben, cy, cy2 } = ROOTS;
const { dee, eve } = NEXT_ROOTS;
const olga = testKey();
const thief = testKey();
const fresh: KeyringStanding = { tenant: 'acme', roots: paper().roots };

async function standing(change: Partial<KeyringDocument> = {}): Promise<KeyringStanding> {
  const opened = openKeyring(await signedPaper({ version: 5, ...change }));
  if (!opened.ok) throw new Error(opened.refusal.sentence);
  return { tenant: 'acme', roots: opened.value.document.roots, now: opened.value };
}

function codeOf(bytes: Uint8Array, against: KeyringStanding): string {
  const verdict = judgeKeyring(bytes, against);
  return verdict.ok ? verdict.value.is : verdict.refusal.code;
}

const sentenceOf = (bytes: Uint8Array, against: KeyringStanding): string => {
  const verdict = judgeKeyring(bytes, against);
  return verdict.ok ? '' : verdict.refusal.sentence;
};

await t.test('enough different people of the roots put a keyring in force', async (t) => {
  t.equal(codeOf(await signedPaper(), fresh), 'next');
  t.equal(codeOf(await signedPaper({ version: 6 }), await standing()), 'next');
  t.equal(codeOf(await signedPaper({ version: 900 }, [cy2, thief, ann]), await standing()), 'next');
  t.equal(codeOf(await signedPaper(), { tenant: 'acme' }), 'KEYRING_NO_ROOTS');
});

await t.test('people are counted, not keys and not signatures', async (t) => {
  const people = async (signers: readonly KeyStore[]) => codeOf(await signedPaper({}, signers), fresh);
  t.equal(await people([ann]), 'KEYRING_UNSIGNED');
  t.equal(await people([cy, cy2]), 'KEYRING_UNSIGNED', 'one person with two keys');
  t.equal(await people([ann, ann]), 'KEYRING_UNSIGNED', 'one key twice');
  t.equal(await people([ann, thief]), 'KEYRING_UNSIGNED');
  t.equal(await people([thief, testKey()]), 'KEYRING_UNSIGNED');
  const spelt = rootsOf(2, { ann, ben });
  const roots = { ...spelt, keys: [spelt.keys[0]!, { ...spelt.keys[1]!, person: 'ANN ' }] };
  t.equal(codeOf(await signKeyring(paper({ roots }), [ann, ben]), fresh), 'KEYRING_INVALID');
  t.match(
    sentenceOf(await signedPaper({}, [cy, cy2]), fresh),
    /Of the roots in force, only cy has signed it; it takes 2 different people\./,
  );
  t.match(sentenceOf(await signedPaper({}, [thief]), fresh), /nobody has signed it/);
});

await t.test('new roots need the old and the new ones', async (t) => {
  const roots = rootsOf(2, { dee, eve });
  const now = await standing();
  const by = async (signers: readonly KeyStore[]) =>
    codeOf(await signedPaper({ version: 6, roots }, signers), now);
  t.equal(await by([ann, ben]), 'KEYRING_UNSIGNED', 'old roots only');
  t.equal(await by([dee, eve]), 'KEYRING_UNSIGNED', 'new roots only');
  t.equal(await by([ann, ben, dee]), 'KEYRING_UNSIGNED');
  t.equal(await by([ann, dee, eve]), 'KEYRING_UNSIGNED');
  t.equal(await by([ann, cy, dee, eve]), 'next');
  const three = await standing({ roots: rootsOf(3, { ann, ben, cy }) });
  const lower = paper({ version: 6, roots: { ...three.roots!, threshold: 2 } });
  t.equal(codeOf(await signKeyring(lower, [ann, ben]), three), 'KEYRING_UNSIGNED', 'the old threshold holds');
});

await t.test('a root key that was taken out signs nothing more', async (t) => {
  const now = await standing({ roots: rootsOf(2, { ann, cy }), revoked: [ben.publicKey.keyId] });
  const signed = await signKeyring(
    paper({ version: 6, roots: rootsOf(2, { ann, cy }), revoked: [ben.publicKey.keyId] }),
    [ann, ben],
  );
  t.equal(codeOf(signed, now), 'KEYRING_UNSIGNED');
});

await t.test('a lower version, and the same version with other contents, are refused', async (t) => {
  const now = await standing();
  t.equal(codeOf(await signedPaper({ version: 4 }), now), 'KEYRING_OLDER');
  t.equal(
    codeOf(await signedPaper({ version: 5, keys: [grant('olga', 'operator', olga)] }), now),
    'KEYRING_FORKED',
  );
  t.equal(
    codeOf(await signedPaper({ version: 5 }, [cy, ben]), now),
    'same',
    'other signatures are not other contents',
  );
  t.equal(codeOf(await signedPaper({ version: 5 }), now), 'same');
});

await t.test('another tenant gets nothing, by its name or by its signatures', async (t) => {
  t.equal(codeOf(await signedPaper({ tenant: 'other' }), fresh), 'KEYRING_INVALID');
  const wrong = await signMany(encodeKeyring(paper()), [ann, ben], utf8('nightshift/1/keyring/other'));
  t.equal(codeOf(wrong, fresh), 'KEYRING_UNSIGNED');
  const order = await signMany(encodeKeyring(paper()), [ann, ben], utf8('nightshift/1/order/acme'));
  t.equal(codeOf(order, fresh), 'KEYRING_UNSIGNED', 'what was signed as an order is no keyring');
});

await t.test('a revocation is never taken back', async (t) => {
  const id = olga.publicKey.keyId;
  const now = await standing({ revoked: [id] });
  t.equal(codeOf(await signedPaper({ version: 6, revoked: [] }), now), 'KEYRING_INVALID');
  t.equal(codeOf(await signedPaper({ version: 6, revoked: [thief.publicKey.keyId, id] }), now), 'next');
  const back = { version: 6, revoked: [id], keys: [grant('olga', 'operator', olga)] } as const;
  t.match(
    sentenceOf(
      await signKeyring({ ...paper(), ...back, revoked: [id], keys: [...back.keys] }, [ann, ben]),
      now,
    ),
    /enrolled and revoked/,
  );
});

await t.test('what could not be used, or not be changed again, is refused', async (t) => {
  const bad = async (change: object, signers = [ann, ben]) => {
    const payload = encode({ ...paper(), ...change });
    const bytes = await signMany(payload, signers, utf8('nightshift/1/keyring/acme'));
    return codeOf(bytes, fresh);
  };
  t.equal(await bad({}), 'next');
  const one = grant('olga', 'operator', olga);
  for (const [why, change] of Object.entries({
    'an unknown field': { colour: 'red' },
    'an unknown version of the form': { v: 2 },
    'no version': { version: undefined },
    'version nought': { version: 0 },
    'a version past whole numbers': { version: -1 },
    'an unknown field of a key': { keys: [{ ...one, admin: true }] },
    'a root among the keys': { keys: [{ ...one, role: 'root' }] },
    'an unknown role': { keys: [{ ...one, role: 'king' }] },
    'a key twice': { keys: [one, { ...one, name: 'other' }] },
    'a name twice': { keys: [one, grant('olga', 'auditor', thief)] },
    'a root key as an operator too': { keys: [grant('ann', 'operator', ann)] },
    'a name that moves the cursor': { keys: [{ ...one, name: 'olga\u001b[2J' }] },
    'a name that is too long': { keys: [{ ...one, name: '\u{1d538}'.repeat(33) }] },
    'a name in two lines': { keys: [{ ...one, person: 'olga\nrole: root' }] },
    'an unfit key': { keys: [{ ...one, key: 'ed25519:AAAA' }] },
    'a scope of an unknown kind': { keys: [{ ...one, scopes: [{ weekday: ['mon'] }] }] },
    'a scope with ".."': { keys: [{ ...one, scopes: [{ paths: ['/var/../etc'] }] }] },
    'no roots': { roots: { threshold: 2, keys: [] } },
    'threshold nought': { roots: { ...paper().roots, threshold: 0 } },
    'a threshold of one person': { roots: { ...paper().roots, threshold: 1 } },
    'a threshold that people cannot meet': {
      roots: { threshold: 3, keys: rootsOf(1, { ann, cy, cy2 }).keys },
    },
    'a threshold past eight signatures': { roots: { ...paper().roots, threshold: 5 } },
    'a revoked root': { revoked: [ann.publicKey.keyId] },
    'a key revoked twice': { revoked: [thief.publicKey.keyId, thief.publicKey.keyId] },
    'a key id that is none': { revoked: [new Uint8Array(7)] },
    'too many keys': { keys: Array.from({ length: 257 }, (_, n) => ({ ...one, name: `k${n}` })) },
  })) {
    t.equal(await bad(change), 'KEYRING_INVALID', why);
  }
  t.equal(
    codeOf(await sign1(encodeKeyring(paper()), ann, utf8('nightshift/1/keyring/acme')), fresh),
    'KEYRING_INVALID',
  );
  t.equal(codeOf(new Uint8Array(), fresh), 'KEYRING_INVALID');
  t.equal(codeOf(utf8('not a keyring'), fresh), 'KEYRING_INVALID');
  t.equal(codeOf(new Uint8Array(MAX_KEYRING_BYTES + 1025), fresh), 'KEYRING_INVALID');
  const long = { keys: Array.from({ length: 250 }, (_, n) => ({ ...one, name: `k${n}`.padEnd(60, 'x') })) };
  t.match(
    sentenceOf(
      await signMany(encode({ ...paper(), ...long }), [ann, ben], utf8('nightshift/1/keyring/acme')),
      fresh,
    ),
    /larger than/,
  );
});

await t.test('a flipped bit anywhere leaves nothing that is accepted', async (t) => {
  const bytes = await signedPaper({ keys: [grant('olga', 'operator', olga)] });
  let accepted = 0;
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const spoilt = bytes.slice();
    spoilt[at]! ^= 1 << (at % 8);
    if (judgeKeyring(spoilt, fresh).ok) accepted += 1;
  }
  t.equal(accepted, 0);
});

await t.test('people in different places sign one after the other', async (t) => {
  const first = await signedPaper({}, [ann]);
  t.equal(codeOf(first, fresh), 'KEYRING_UNSIGNED');
  const second = await cosignKeyring(first, ben);
  t.ok(second.ok);
  if (!second.ok) return;
  t.equal(codeOf(second.value, fresh), 'next');
  const again = await cosignKeyring(second.value, ben);
  t.same(again.ok && again.value, second.value, 'a second time adds nothing');
  const opened = openKeyring(second.value);
  t.same(opened.ok && signersOf(opened.value, paper().roots), ['ann', 'ben']);
  t.notOk((await cosignKeyring(utf8('junk'), ben)).ok);
  let full = second.value;
  for (let n = 0; n < 6; n += 1) {
    const more = await cosignKeyring(full, testKey());
    if (more.ok) full = more.value;
  }
  t.notOk((await cosignKeyring(full, testKey())).ok, 'eight signatures are the most');
  t.match(textOf(ann), /^ed25519:/);
});
