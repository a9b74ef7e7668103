import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { encodeEvidence, Verification } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { AgentConfig } from '../../src/programs/agent/config.ts';
import { type ArgsOf, deviceTopics, type Order, type Verb } from '../../src/protocol/index.ts';
import { Keyring, type KeyringDocument, publicKeyText, signOrder } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { chainOf } from '../kit/grants.ts';
import { grant, ROOTS, rootsOf, signedPaper } from '../kit/keyring-papers.ts';
import { testKey } from '../kit/keys.ts';

const DAY = 24 * 3600;

async function coldHost(t: Test, agent: Partial<AgentConfig> = {}): Promise<ColdHost> {
  const host = await ColdHost.start({
    fill: async (tree) => {
      await mkdir(join(tree, 'etc'));
      await mkdir(join(tree, 'var/log'), { recursive: true });
      await writeFile(join(tree, 'etc/shadow'), 'secret\n');
      for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(tree, 'var/log', name), 'line\n');
      await symlink('../../etc/shadow', join(tree, 'var/log/sly'));
    },
    agent: { keyringRoots: rootsOf(2, ROOTS), ...agent },
  });
  t.teardown(() => host.close());
  return host;
}

const everybody = (host: ColdHost): KeyringDocument['keys'] => [
  grant('olga', 'operator', host.operator),
  grant('sam', 'security', host.officer),
];

async function publish(
  host: ColdHost,
  version: number,
  keys: KeyringDocument['keys'],
  revoked: readonly KeyStore[] = [],
): Promise<void> {
  const document = await signedPaper({ version, keys, revoked: revoked.map((key) => key.publicKey.keyId) });
  const { outcome } = await host.give('keyring.update', { document }, { key: host.officer });
  if (outcome !== 'succeeded') throw new Error(`the keyring was not taken: ${outcome}`);
}

/** What is passed on from key to key now, for a day. */
const forADay = (keys: Parameters<typeof chainOf>[0], scopes: readonly object[], again: object = {}) => {
  const at = systemClock.wallSeconds();
  const change = { at, notAfter: at + DAY, scopes };
  return chainOf(keys, [change, { ...change, ...again }]);
};

async function codeOf<V extends Verb>(
  host: ColdHost,
  verb: V,
  args: ArgsOf<V>,
  key: KeyStore,
  grants?: readonly Uint8Array[],
): Promise<string> {
  const { outcome, code } = await host.give(verb, args, { key, ...(grants === undefined ? {} : { grants }) });
  return code ?? outcome;
}

const WATCH = { channel: 'inlet-temp', seconds: 600 };

/** An order that goes on until somebody stops it, and has begun. */
async function watching(host: ColdHost, key: KeyStore, grants: readonly Uint8Array[]) {
  const before = host.said('accepted').length;
  const ended = host.give('io.watch', WATCH, { key, grants });
  ended.catch(() => undefined);
  await eventually(() => host.said('accepted').length > before);
  return { ended };
}

await t.test('a contractor reads the logs of one host for a day, and nothing else', async (t) => {
  const host = await coldHost(t);
  const tom = testKey();
  const may = await forADay(
    [host.operator, tom],
    [{ verbs: ['file.*'], hosts: ['host1'], paths: ['/var/log'] }],
  );
  const stat = (path: string, grants = may) => codeOf(host, 'file.stat', { path }, tom, grants);
  t.equal(
    await codeOf(host, 'file.stat', { path: '/var/log/a' }, tom),
    'KEY_UNKNOWN',
    'the key alone has no right',
  );
  t.equal(await stat('/var/log/a'), 'succeeded');
  t.equal(await codeOf(host, 'file.list', { path: '/var/log/*' }, tom, may), 'succeeded');
  t.equal(await stat('/etc/shadow'), 'OUT_OF_SCOPE');
  t.equal(await stat('/var/log/sly'), 'OUT_OF_SCOPE', 'wherever links on the disk lead');
  t.equal(await codeOf(host, 'machine.status', {}, tom, may), 'OUT_OF_SCOPE');
  const elsewhere = await forADay([host.operator, tom], [{ verbs: ['file.*'], hosts: ['host2'] }]);
  t.equal(await stat('/var/log/a', elsewhere), 'OUT_OF_SCOPE');
  const at = systemClock.wallSeconds() - 2 * DAY;
  const over = await chainOf([host.operator, tom], [{ at, notAfter: at + DAY, scopes: [{}] }]);
  const order = { verb: 'file.stat', args: { path: '/var/log/a' }, grants: over };
  host.send(await host.packet({ ...order, exp: at + DAY }, tom));
  await eventually(() => host.said('rejected').some(({ refusal }) => refusal.code === 'KEY_EXPIRED'));
  const uli = testKey();
  const further = await forADay([host.operator, tom, uli], [{ verbs: ['file.stat'], paths: ['/var'] }], {
    scopes: [{ paths: ['/var/log', '/etc'] }],
  });
  t.equal(await codeOf(host, 'file.stat', { path: '/var/log/a' }, uli, further), 'succeeded');
  t.equal(await codeOf(host, 'file.stat', { path: '/etc/shadow' }, uli, further), 'OUT_OF_SCOPE');
  t.equal(await codeOf(host, 'file.list', { path: '/var/log' }, uli, further), 'OUT_OF_SCOPE');
});

await t.test(
  'the audit log and the receipt say for whom; the receipt is checked with the keyring',
  async (t) => {
    const host = await coldHost(t);
    const tom = testKey();
    const grants = await forADay([host.operator, tom], [{ verbs: ['file.*'] }]);
    const packet = await host.packet({ verb: 'file.delete', args: { path: '/var/log/a' }, grants }, tom);
    host.send(packet);
    await eventually(() => host.said('receipt').length > 0);
    const [receipt] = host.said('receipt');
    const [giver, holder] = [host.operator, tom].map(({ publicKey }) => publicKey.keyId);
    t.match(receipt, {
      outcome: 'succeeded',
      issuer: holder,
      askers: [{ key: holder, name: 'tom for olga', person: 'Tom', role: 'operator', through: [giver] }],
    });
    const { result } = await host.give('audit.read', {}, { key: host.officer });
    const entry = result?.entries.find(({ event }) => event === 'order.succeeded');
    t.same(entry?.by, holder);
    t.match(entry?.detail, new RegExp(`for key ${Buffer.from(giver!).toString('hex')}.* file\\.delete`));

    const { evt } = deviceTopics('acme', 'host1');
    const said = host.broker.published.filter(({ topic }) => topic === evt);
    const signed = said[host.events().findIndex(({ event }) => event === 'receipt')]!.payload;
    const kept = encodeEvidence({ tenant: 'acme', device: 'host1', order: packet, receipt: signed });
    const entries = [
      { name: 'olga', role: 'operator', key: publicKeyText(host.operator.publicKey) },
    ] as const;
    const verify = (people: Keyring) => {
      const devices = new Map([['host1', [host.device.publicKey]]]);
      const verification = new Verification({ devices, people, tenant: 'acme' });
      const file = verification.add('kept', kept);
      if (file.is !== 'receipt') throw new Error(file.is);
      return { signers: file.checked.signers, codes: file.checked.findings.map(({ code }) => code) };
    };
    t.match(verify(new Keyring(entries)), {
      signers: [{ name: 'tom for olga', role: 'operator', through: [{ name: 'olga' }] }],
      codes: [],
    });
    t.same(verify(new Keyring([])).codes, ['SIGNER_UNKNOWN']);
  },
);

await t.test(
  'a key has one share of what may be removed without a token, with all that it gives a right',
  async (t) => {
    const host = await coldHost(t, { budget: { lock: 1, wipe: 1, plain: 3, raiseDelayHours: 24 } });
    const remove = async (name: string, holder?: KeyStore, again?: KeyStore) => {
      const path = `/var/log/${name}`;
      if (holder === undefined) return codeOf(host, 'file.delete', { path }, host.operator);
      const grants = await forADay([host.operator, holder, again], [{}]);
      return codeOf(host, 'file.delete', { path }, again ?? holder, grants);
    };
    t.equal(await remove('a'), 'succeeded');
    t.equal(await remove('b', testKey()), 'succeeded');
    t.equal(await remove('c', testKey(), testKey()), 'succeeded');
    t.equal(await remove('d', testKey()), 'BUDGET_SPENT', 'a new key brings no new share');
    t.equal(await remove('d', testKey(), testKey()), 'BUDGET_SPENT');
    t.equal(await remove('d'), 'BUDGET_SPENT');
  },
);

await t.test('who gave a right loses it, and what is done by it stops at once', async (t) => {
  const host = await coldHost(t);
  const omar = testKey();
  const [tom, uli] = [testKey(), testKey()];
  const ring = [...everybody(host), grant('omar', 'operator', omar)];
  await publish(host, 1, ring);
  const grants = await forADay([omar, tom, uli], [{ verbs: ['io.*', 'file.*'] }]);
  const own = await forADay([host.operator, tom], [{ verbs: ['io.*'] }]);
  const { ended } = await watching(host, uli, grants);
  await publish(host, 2, everybody(host), [omar]);
  t.match(await ended, { outcome: 'cancelled', code: 'DELEGATION_INVALID', sentence: /is revoked/ });
  t.equal(await codeOf(host, 'io.list', {}, uli, grants), 'DELEGATION_INVALID');
  t.equal(
    await codeOf(host, 'io.list', {}, tom, own),
    'succeeded',
    'a right from somebody else is not touched',
  );
});

await t.test('a key to which a right was passed on is revoked like any other', async (t) => {
  const host = await coldHost(t);
  const [tom, uli] = [testKey(), testKey()];
  await publish(host, 1, everybody(host));
  const grants = await forADay([host.operator, tom, uli], [{ verbs: ['io.*'] }]);
  const { ended } = await watching(host, uli, grants);
  await publish(host, 2, everybody(host), [tom]);
  t.match(await ended, { outcome: 'cancelled', code: 'DELEGATION_INVALID' }, 'the key between');
  t.equal(await codeOf(host, 'io.list', {}, uli, grants), 'DELEGATION_INVALID');
});

await t.test('a restart judges what is open by the keyring of then, and forgets no counter', async (t) => {
  const host = await coldHost(t);
  const tom = testKey();
  const omar = testKey();
  const ring = [...everybody(host), grant('omar', 'operator', omar)];
  await publish(host, 1, ring);
  const grants = await forADay([omar, tom], [{ verbs: ['io.*'] }]);
  const body = (change: Partial<Order>) =>
    ({
      v: 1,
      id: new Uint8Array(16).fill(change.ctr ?? 0),
      aud: { to: 'device', name: 'host1' },
      verb: 'io.list',
      args: {},
      iss: tom.publicKey.keyId,
      exp: systemClock.wallSeconds() + 600,
      grants,
      ...change,
    }) as Order;
  const receipts = () =>
    host.said('receipt').filter(({ issuer }) => Buffer.from(issuer).equals(tom.publicKey.keyId));
  const first = await signOrder(body({ ctr: 7 }), tom, 'acme');
  host.send(first);
  await eventually(() => receipts().length === 1);
  await host.restart();
  host.send(first);
  await eventually(() => receipts().length >= 2);
  t.same(receipts().at(-1)?.order, receipts()[0]?.order, 'the same packet gets the same receipt');
  host.send(await signOrder(body({ ctr: 7, id: new Uint8Array(16).fill(99) }), tom, 'acme'));
  await eventually(() => host.said('rejected').some(({ refusal }) => refusal.code === 'REPLAYED'));
  const before = host.said('accepted').length;
  host.send(await signOrder(body({ ctr: 8, verb: 'io.watch', args: WATCH } as Partial<Order>), tom, 'acme'));
  await eventually(() => host.said('accepted').length > before);
  await host.stop();
  const file = join(host.dir, 'keyring.cose');
  const document = await signedPaper({ version: 2, keys: everybody(host), revoked: [omar.publicKey.keyId] });
  await writeFile(file, document);
  await host.boot({ keyringFile: file });
  await eventually(() => receipts().some(({ refusal }) => refusal?.code === 'DELEGATION_INVALID'));
  t.match(receipts().at(-1), { outcome: 'refused', refusal: { sentence: /is revoked/ } });
});
