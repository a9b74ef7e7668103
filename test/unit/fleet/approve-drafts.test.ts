import t from 'tap';
import {
  checkComplete,
  checkFirst,
  checkSigners,
  cosignDrafts,
  readOrderFile,
  showDrafts,
  showUnsigned,
} from '../../../src/fleet/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { cosignOrder, draftOrder, Keyring, publicKeyText, type Role } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const [sam, sam2, tess, olga, stranger] = Array.from({ length: 5 }, () => testKey()) as [
  KeyStore,
  KeyStore,
  KeyStore,
  KeyStore,
  KeyStore,
];
const entry = (name: string, key: KeyStore, person = name, role: Role = 'security') => ({
  name,
  person,
  role,
  key: publicKeyText(key.publicKey),
});
const people = new Keyring([
  entry('sam', sam, 'Sam Miller'),
  entry('sam-laptop', sam2, 'SAM MILLER'),
  entry('tess', tess),
  entry('olga', olga, 'olga', 'operator'),
]);
const bodyOf = (host: string, by: KeyStore, change: Record<string, unknown> = {}) =>
  testOrder(by, { verb: 'machine.enable', args: {}, aud: { to: 'device', name: host }, ...change });
const draft = (host: string, by = sam, change: Record<string, unknown> = {}) =>
  draftOrder(bodyOf(host, by, change), by, 'acme');
const read = (packets: readonly Uint8Array[]) => readOrderFile({ tenant: 'acme', packets }, people);
const desk = { people, tenant: 'acme' };
const hosts = new Set(['rack1', 'rack2']);

await t.test('another person signs all of them, and then they are whole', async (t) => {
  const drafts = read([await draft('rack1'), await draft('rack2')]);
  t.throws(() => checkComplete(drafts, hosts), { code: 'NS_ORDER_INVALID', message: /one person only/ });
  const both = read(await cosignDrafts(drafts, tess, desk));
  t.same(
    both.map(({ signatures }) => signatures.map(({ signer }) => signer?.name)),
    [
      ['sam', 'tess'],
      ['sam', 'tess'],
    ],
  );
  t.same(
    both.map(({ payload }) => payload),
    drafts.map(({ payload }) => payload),
    'the same bytes are signed',
  );
  checkComplete(both, hosts);
  t.throws(() => checkComplete(both, new Set(['rack1'])), { code: 'NS_DEVICE_UNKNOWN', message: /rack2/ });
});

await t.test('nobody approves what he signed himself, with whichever of his keys', async (t) => {
  const own = read([await draft('rack1', tess), await draft('rack2')]);
  for (const key of [sam, sam2]) {
    t.throws(() => checkFirst(own, key, people), { code: 'NS_ORDER_INVALID', message: /rack2/ });
    await t.rejects(cosignDrafts(own, key, desk), { code: 'NS_ORDER_INVALID' });
  }
  const nobody = new Keyring([]);
  t.throws(
    () => checkFirst(own, sam, nobody),
    { code: 'NS_ORDER_INVALID' },
    'nor where nobody is known here',
  );
  const twice = read([await cosignOrder(await draft('rack1'), sam2, 'acme')]);
  t.throws(() => checkComplete(twice, hosts), { message: /one person twice/ });
});

await t.test("a stranger's draft is signed for nobody, and one without its token not sent", async (t) => {
  const strange = read([await draft('rack1', stranger)]);
  t.throws(() => checkSigners(strange), { code: 'NS_ORDER_STRANGER' });
  await t.rejects(cosignDrafts(strange, tess, desk), { code: 'NS_ORDER_STRANGER' });
  const bare = await draft('rack1', sam, { verb: 'machine.disable', exp: undefined });
  const both = read([await cosignOrder(bare, tess, 'acme')]);
  t.throws(() => checkComplete(both, hosts), { code: 'NS_NEEDS_TOKEN' });
});

await t.test('what is shown before the signature is what is shown after it', async (t) => {
  const view = { now: 1_790_000_000, hosts, people };
  const order = bodyOf('rack1', sam, { args: { reason: 'found\u001b[2J' } });
  const before = showUnsigned('acme', [order], view, people.lookup(sam.publicKey.keyId));
  const after = showDrafts('acme', read([await draftOrder(order, sam, 'acme')]), view);
  t.same(
    after.filter((line) => !/signed by|still needs/.test(line)),
    before,
  );
  const may = people.lookup(olga.publicKey.keyId);
  t.match(
    showUnsigned('acme', [order], view, may).join('\n'),
    /WARNING: the role operator may not give this/,
  );
  const bare = bodyOf('rack1', sam, { verb: 'machine.disable', exp: undefined });
  t.match(
    showUnsigned('acme', [bare], view, undefined).join('\n'),
    /destructive: 1 host[\s\S]*no token of the budget/,
  );
  const many = ['rack1', 'rack2'].map((host) => bodyOf(host, sam));
  t.match(showUnsigned('acme', many, view, undefined), [
    '2 orders for the tenant acme',
    /^rack\[1-2\]: ENABLE/,
  ]);
});
