import { encode } from '../../../src/protocol/index.ts';
import { parseCose } from '../../../src/security/cose.ts';
import { type KeyringDocument, publicKeyText, signKeyring, signOrder } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { Attacker } from '../attacker.ts';
import { many } from '../forge.ts';
import type { Move } from '../move.ts';
import { grantOf, IN_FORCE, KEY_NAMES, KEYS, type KeyName, keyring, PAPERS, ROOTS, TENANT } from '../site.ts';

const mallory = testKey();
const accomplice = testKey();
const eve = testKey();
const OWN = [
  ...keyring().keys,
  grantOf('mallory', 'mallory', 'security', mallory),
  grantOf('eve', 'eve', 'security', eve),
];

/** Carried by an officer who is held; the document's own signatures decide. */
function carried(
  words: string,
  document: (a: Attacker) => Promise<Uint8Array>,
  fails: readonly string[],
  more: Partial<Move> = {},
): Move {
  return {
    words,
    fails,
    at: 20,
    run: async (a, hosts) => {
      const bytes = await document(a);
      return a.strike(hosts, (host) =>
        signOrder(a.order(a.officer, host, 'keyring.update', { document: bytes }), a.key(a.officer), TENANT),
      );
    },
    ...more,
  };
}

const sign = (a: Attacker, change: Partial<KeyringDocument>, names: readonly KeyName[] = a.roots) =>
  signKeyring(
    keyring({ version: IN_FORCE + 1, ...change }),
    names.map((name) => a.key(name)),
  );

const bothOfEach = (a: Attacker): readonly KeyName[] =>
  KEY_NAMES.filter((name) => KEYS[name].role === 'root' && KEYS[name].person !== a.lacks);

/** The missing root's signature over the keyring in force, under another document. */
async function withOldSignature(a: Attacker): Promise<Uint8Array> {
  const document = await sign(a, { keys: OWN });
  const ours = parseCose(document)!;
  const old = parseCose(PAPERS.inForce)!;
  const parts = [...ours.signatures, old.signatures[a.lacks === 'sam' ? 0 : a.lacks === 'tess' ? 1 : 2]!];
  return many(
    ours.payload,
    parts.map(({ headers, signature }) => [headers.protectedBytes, new Map(), signature]),
  );
}

const lonely = (a: Attacker): KeyringDocument['keys'] => {
  const missing = a.lacks === 'sam' || a.lacks === 'tess' ? a.lacks : 'sam';
  return keyring().keys.filter(({ person }) => person !== missing);
};

/** Root keys of two people, of whom three must sign. */
export const KEYRING_MOVES: readonly Move[] = [
  carried(
    'a keyring with two new officers, signed by the roots that are held',
    (a) => sign(a, { keys: OWN }),
    ['KEYRING_UNSIGNED'],
  ),
  carried('the same, signed by both root keys of each person', (a) => sign(a, { keys: OWN }, bothOfEach(a)), [
    'KEYRING_UNSIGNED',
  ]),
  carried(
    'a keyring that asks for one signature from now on',
    (a) => sign(a, { keys: OWN, roots: { ...ROOTS, threshold: 1 } }),
    ['KEYRING_INVALID'],
  ),
  carried(
    "a keyring whose roots are the attacker's own",
    async (a) => {
      const roots = {
        threshold: 2,
        keys: [
          { name: 'm', person: 'm', key: publicKeyText(mallory.publicKey) },
          { name: 'n', person: 'n', key: publicKeyText(accomplice.publicKey) },
        ],
      };
      const document = keyring({ version: IN_FORCE + 1, keys: keyring().keys, roots });
      return signKeyring(document, [mallory, accomplice, ...a.roots.map((name) => a.key(name))]);
    },
    ['KEYRING_UNSIGNED'],
  ),
  carried('the first keyring, signed by all, with an officer who has left since', async () => PAPERS.first, [
    'KEYRING_OLDER',
  ]),
  carried('a keyring of the version before', async () => PAPERS.second, ['KEYRING_OLDER']),
  carried('another keyring under the version in force', (a) => sign(a, { version: IN_FORCE, keys: OWN }), [
    'KEYRING_UNSIGNED',
    'KEYRING_FORKED',
  ]),
  carried('the keyring of another tenant, signed by all the same people', async () => PAPERS.lab, [
    'KEYRING_INVALID',
  ]),
  carried('a new keyring with the signature of the missing root from the old one', withOldSignature, [
    'KEYRING_UNSIGNED',
  ]),
  carried('the missing person is revoked, so that one officer is left', (a) => sign(a, { keys: lonely(a) }), [
    'KEYRING_UNSIGNED',
  ]),
  carried(
    "the missing governor's key is replaced by the attacker's",
    (a) =>
      sign(a, {
        keys: [
          ...keyring().keys.filter(({ role }) => role !== 'governor'),
          grantOf('m', 'm', 'governor', mallory),
        ],
      }),
    ['KEYRING_UNSIGNED'],
  ),
  carried(
    'a key of small order for a new officer, under which anything is signed',
    (a) =>
      sign(a, {
        keys: [
          ...keyring().keys,
          {
            name: 'z',
            person: 'z',
            role: 'security',
            key: `ed25519:${Buffer.alloc(32).toString('base64url')}`,
          },
        ],
      }),
    ['KEYRING_INVALID'],
  ),
  carried(
    'no document at all, but bytes that look like one',
    async () => encode({ v: 1, version: IN_FORCE + 1, tenant: TENANT }).slice(),
    ['KEYRING_INVALID'],
  ),
];
