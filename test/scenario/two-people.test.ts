import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { equalBytes, MiB, toHex, utf8 } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { encode, type Order } from '../../src/protocol/index.ts';
import { sign1, signMany } from '../../src/security/cose.ts';
import { cosignOrder, draftOrder, Freshness, type Role, signOrder } from '../../src/security/index.ts';
import { Journal } from '../../src/tasks/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey, testKeyring } from '../kit/keys.ts';

const host = await ColdHost.start({ fill: async () => undefined });
t.teardown(() => host.close());
const { officer: sam, officer2: tess, operator: olga } = host;
const context = utf8('nightshift/1/order/acme');
let counter = 5_000_000;

async function lockOrder(by: KeyStore, change: Record<string, unknown> = {}): Promise<Order> {
  counter += 1;
  const order = {
    v: 1,
    id: systemEntropy.randomBytes(16),
    aud: { to: 'device', name: 'host1' },
    verb: 'machine.disable',
    args: { reason: 'stolen' },
    iss: by.publicKey.keyId,
    ctr: counter,
    ...change,
  } as Order;
  const token = await host.governor.tokenFor(order);
  return token === undefined ? order : { ...order, token };
}

const sha256 = (packet: Uint8Array) => new Uint8Array(createHash('sha256').update(packet).digest());
const receiptOf = ({ id }: Order) => host.said('receipt').find((said) => equalBytes(said.id, id));
const state = async () => (await host.give('machine.status', {})).result?.lock.state;

async function turnedAway(t: Test, what: string, packet: Uint8Array, code: string): Promise<void> {
  const answer = () => host.said('rejected').find((said) => equalBytes(said.packet, sha256(packet)));
  host.send(packet);
  await eventually(() => answer() !== undefined);
  t.equal(answer()?.refusal.code, code, what);
}

await t.test('whoever holds all keys but one of another officer disables nothing', async (t) => {
  const body = () => lockOrder(sam);
  const bytes = (order: Order) => encode(order).slice();
  const tries: readonly [what: string, packet: Uint8Array, code: string][] = [
    ['alone, in the form of one', await sign1(bytes(await body()), sam, context), 'NEEDS_TWO_PEOPLE'],
    ['alone, in the form of two', await draftOrder(await body(), sam, 'acme'), 'NEEDS_TWO_PEOPLE'],
    ['the same key twice', await signMany(bytes(await body()), [sam, sam], context), 'ENVELOPE_INVALID'],
    ['with an operator', await signOrder(await body(), sam, 'acme', [olga]), 'NOT_PERMITTED'],
    ['with a key made for it', await signOrder(await body(), sam, 'acme', [testKey()]), 'KEY_UNKNOWN'],
    ["with the device's own key", await signOrder(await body(), sam, 'acme', [host.device]), 'KEY_UNKNOWN'],
    [
      "with another key under the other officer's id",
      await signOrder(await body(), sam, 'acme', [{ ...testKey(), publicKey: tess.publicKey }]),
      'SIGNATURE_INVALID',
    ],
  ];
  for (const [what, packet, code] of tries) await turnedAway(t, what, packet, code);
  // What the other officer has signed for one body is worth nothing for another.
  const real = await cosignOrder(
    await draftOrder(await lockOrder(tess, { verb: 'machine.enable', exp: 4_000_000_000 }), tess, 'acme'),
    sam,
    'acme',
  );
  const forged = real.slice();
  const at = Buffer.from(forged).indexOf('machine.enable');
  forged.set(utf8('machine.nnable'), at);
  await turnedAway(t, 'another body under both signatures', forged, 'SIGNATURE_INVALID');
  t.equal(await state(), 'enabled');
  t.same(
    host.said('receipt').filter(({ verb }) => verb === 'machine.disable'),
    [],
  );
  const audit = await host.give('audit.read', { limit: 64 }, { key: sam });
  const noted = audit.result!.entries.filter(({ detail }) => detail.includes('NEEDS_TWO_PEOPLE'));
  t.equal(noted.length, 2);
  t.ok(
    noted.every(({ by }) => by !== undefined && equalBytes(by, sam.publicKey.keyId)),
    'and by whose key',
  );
});

await t.test('two officers disable and enable, and receipt and audit log name both', async (t) => {
  const order = await lockOrder(sam);
  const packet = await cosignOrder(await draftOrder(order, sam, 'acme'), tess, 'acme');
  host.send(packet);
  await eventually(() => receiptOf(order) !== undefined);
  t.match(receiptOf(order), {
    outcome: 'succeeded',
    issuer: sam.publicKey.keyId,
    askers: [
      { name: 'sam', key: sam.publicKey.keyId },
      { name: 'tess', key: tess.publicKey.keyId },
    ],
  });
  t.equal(await state(), 'disabled');
  const other = await signOrder(order, sam, 'acme', [testKey()]);
  await turnedAway(t, 'the same order, signed by others beside', other, 'KEY_UNKNOWN');
  t.match(await host.give('machine.enable', {}, { key: tess, cosigners: [olga] }), { code: 'NOT_PERMITTED' });
  t.equal(await state(), 'disabled', 'and it takes two to give it back');
  t.match(await host.give('machine.enable', {}, { key: tess }), { outcome: 'succeeded' });
  const audit = await host.give('audit.read', { limit: 64 }, { key: tess });
  const done = audit.result!.entries.find(
    ({ event, detail }) => event === 'order.succeeded' && detail.includes('machine.disable'),
  );
  t.match(done?.detail, `with key ${toHex(tess.publicKey.keyId)}`);
});

await t.test(
  'a draft is good while its first signer gives other orders, and its counter is used once',
  async (t) => {
    const order = await lockOrder(tess, { verb: 'machine.enable', exp: 4_000_000_000 });
    const draft = await draftOrder(order, tess, 'acme');
    const later = await host.packet({ ctr: order.ctr + 1_000_000 }, tess);
    host.send(later);
    await eventually(() => host.said('receipt').some((said) => equalBytes(said.order, sha256(later))));
    host.send(await cosignOrder(draft, sam, 'acme'));
    await eventually(() => receiptOf(order) !== undefined);
    t.match(receiptOf(order), { outcome: 'succeeded' });
    const again = { ...order, id: systemEntropy.randomBytes(16) } as Order;
    await turnedAway(t, 'the same counter', await signOrder(again, tess, 'acme', [sam]), 'REPLAYED');
    await host.restart();
    const third = { ...order, id: systemEntropy.randomBytes(16) } as Order;
    await turnedAway(t, 'also after a restart', await signOrder(third, tess, 'acme', [sam]), 'REPLAYED');
  },
);

await t.test('an order that waits in the journal is judged again: two who may, now', async (t) => {
  const wait = async (order: Order, packet: Uint8Array) => {
    const store = await openFileStateStore(host.state, { quota: 512 * MiB });
    const journal = await Journal.open(store, 8 * MiB, new Freshness(), counter);
    await journal.append({
      r: 'received',
      id: order.id,
      packet,
      hash: sha256(packet),
      at: systemClock.wallSeconds(),
      iss: order.iss,
      ctr: order.ctr,
    });
    await journal.close();
  };
  const rings: readonly [
    what: string,
    keys: Record<string, readonly [KeyStore, Role]>,
    code: string | undefined,
  ][] = [
    ['the cosigner was revoked', { olga: [olga, 'operator'], sam: [sam, 'security'] }, 'KEY_UNKNOWN'],
    [
      'the cosigner has another role',
      { olga: [olga, 'operator'], sam: [sam, 'security'], tess: [tess, 'auditor'] },
      'NOT_PERMITTED',
    ],
    [
      'its governor was revoked',
      { olga: [olga, 'operator'], sam: [sam, 'security'], tess: [tess, 'security'] },
      'TOKEN_INVALID',
    ],
    [
      'all are there',
      {
        olga: [olga, 'operator'],
        sam: [sam, 'security'],
        tess: [tess, 'security'],
        gus: [host.governor.key, 'governor'],
      },
      undefined,
    ],
  ];
  for (const [what, keys, code] of rings) {
    await host.stop();
    const order = await lockOrder(sam);
    await wait(order, await signOrder(order, sam, 'acme', [tess]));
    await host.boot({ keyring: testKeyring(keys) });
    await eventually(() => receiptOf(order) !== undefined);
    t.equal(receiptOf(order)?.refusal?.code, code, what);
    t.equal(await state(), code === undefined ? 'disabled' : 'enabled', what);
  }
});

await t.test(
  'a third signature that is dropped on the way changes nothing of what is done, once',
  async (t) => {
    const uma = testKey();
    await host.stop();
    await host.boot({
      keyring: testKeyring({
        olga: [olga, 'operator'],
        sam: [sam, 'security'],
        tess: [tess, 'security'],
        uma: [uma, 'security'],
      }),
    });
    const order = await lockOrder(sam, { verb: 'machine.enable', exp: 4_000_000_000 });
    const two = await signOrder(order, sam, 'acme', [tess]);
    const three = await cosignOrder(two, uma, 'acme');
    host.send(two);
    await eventually(() => receiptOf(order) !== undefined);
    t.match(receiptOf(order), {
      outcome: 'succeeded',
      order: sha256(two),
      askers: [{ name: 'sam' }, { name: 'tess' }],
    });
    await turnedAway(t, 'the whole packet behind it', three, 'ID_CONFLICT');
    t.equal(await state(), 'enabled');
  },
);
