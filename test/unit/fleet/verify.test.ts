import t from 'tap';
import {
  type CheckedFile,
  encodeEvidence,
  isSignedKeyring,
  type KeptReceipt,
  type KnownKeys,
  knownKeys,
  parseRoots,
  signedKeys,
  Verification,
  type VerificationReport,
} from '../../../src/fleet/index.ts';
import { publicKeyText, signKeyring } from '../../../src/security/index.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { Witness } from '../../kit/witness.ts';

const keysOf = (witness: Witness): KnownKeys => ({
  devices: new Map([['host1', [witness.key.publicKey]]]),
  people: testKeyring({ olga: [witness.operator, 'operator'], ada: [witness.auditor, 'auditor'] }),
  tenant: 'acme',
});

interface Verified {
  readonly files: readonly CheckedFile[];
  readonly report: VerificationReport;
  /** Codes of all that is wrong or unchecked, and of notes. */
  readonly codes: readonly string[];
}

function verify(keys: KnownKeys, files: readonly Uint8Array[]): Verified {
  const verification = new Verification(keys);
  const checked = files.map((bytes, i) => verification.add(`file${i}`, bytes));
  const report = verification.end();
  const codes = [
    ...checked.flatMap((file) =>
      file.is === 'bad' ? [file.finding] : file.is === 'event' ? [] : file.checked.findings,
    ),
    ...report.devices.flatMap(({ chain, audit }) => [...chain.findings, ...audit.findings]),
  ].map(({ code }) => code);
  return { files: checked, report, codes };
}

const files = (kept: readonly KeptReceipt[]): Uint8Array[] => kept.map(encodeEvidence);

await t.test('receipts, their orders, chain and audit log hold together', async (t) => {
  const witness = new Witness();
  const kept = [await witness.give(), await witness.give(), await witness.readLog(), await witness.give()];
  const { files: checked, report, codes } = verify(keysOf(witness), files(kept));
  t.same(codes, []);
  t.same(report.counts, { wrong: 0, unchecked: 0, note: 0 });
  t.match(report.devices, [
    {
      device: 'host1',
      chain: { receipts: 4, first: 1, last: 4, gaps: [] },
      audit: { heads: 4, found: 3, read: [[0, 1]] },
    },
  ]);
  const [first] = checked;
  t.match(first, {
    is: 'receipt',
    checked: { signers: [{ name: 'olga', role: 'operator' }], order: { verb: 'machine.status' } },
  });
});

await t.test('one altered byte anywhere in the kept files is found', async (t) => {
  const witness = new Witness();
  const whole = files([
    await witness.give(),
    await witness.readLog(),
    await witness.give({ order: { verb: 'file.stat', args: { path: '/etc/fstab' } } }),
  ]);
  const keys = keysOf(witness);
  t.same(verify(keys, whole).codes, []);
  let tried = 0;
  const unseen: string[] = [];
  for (const [i, file] of whole.entries()) {
    for (let at = 0; at < file.byteLength; at += 1) {
      const bent = file.slice();
      bent[at]! ^= 1 << (at % 8);
      const { counts } = verify(
        keys,
        whole.map((same, j) => (j === i ? bent : same)),
      ).report;
      tried += 1;
      if (counts.wrong === 0) unseen.push(`file ${i} byte ${at}`);
    }
  }
  t.comment(`figure: ${tried} altered bytes, ${tried - unseen.length} found`);
  t.same(unseen, []);
});

await t.test('a file that was cut short, lengthened, swapped or made up is found', async (t) => {
  const witness = new Witness();
  const stranger = new Witness();
  const [one, two] = [await witness.give(), await witness.give()];
  const keys = keysOf(witness);
  const alone = (bytes: Uint8Array) => verify(keys, [bytes]).codes;
  const bytes = encodeEvidence(one);
  t.same(alone(bytes.subarray(0, 100)), ['NOT_A_RECEIPT']);
  t.same(alone(Uint8Array.of(...bytes, 0)), ['NOT_A_RECEIPT']);
  t.same(alone(new Uint8Array()), ['NOT_A_RECEIPT']);
  t.same(alone(encodeEvidence({ ...one, order: two.order })), ['OTHER_ORDER']);
  t.same(alone(encodeEvidence({ ...one, tenant: 'other' })), ['SIGNATURE_INVALID']);
  t.same(
    alone(encodeEvidence(await stranger.give())),
    ['KEY_UNKNOWN'],
    "another device's key under this name",
  );
  t.same(alone(encodeEvidence({ ...one, device: 'host2' })), ['OTHER_DEVICE']);
  t.same(alone(encodeEvidence({ ...(await stranger.give()), device: 'host2' })), ['DEVICE_UNKNOWN']);
  t.same(
    alone(
      encodeEvidence({ ...one, receipt: await witness.seal({ event: 'accepted', id: new Uint8Array(16) }) }),
    ),
    ['NOT_A_RECEIPT'],
  );
  t.same(verify(keys, []).report.files, 0);
  const unread = new Verification(keys);
  t.match(unread.add('gone', undefined), { is: 'bad', finding: { is: 'wrong', code: 'UNREADABLE' } });
});

await t.test('a receipt answers exactly its order', async (t) => {
  const other = new Uint8Array(16).fill(9);
  const askers = [{ key: new Uint8Array(8), name: 'mallory', role: 'operator' }];
  const cases: [string, Record<string, unknown>, string[]][] = [
    ['another id', { id: other }, ['OTHER_ORDER']],
    ['another issuer', { issuer: new Uint8Array(8) }, ['OTHER_ISSUER']],
    ['another verb', { verb: 'io.list' }, ['OTHER_VERB']],
    ['another packet', { order: new Uint8Array(32) }, ['OTHER_ORDER']],
    ['other askers', { askers }, ['OTHER_ASKERS']],
    ['nobody named', { askers: [] }, ['OTHER_ASKERS']],
    [
      'an older device, which does not name them',
      { askers: undefined, clock: undefined, audit: undefined },
      [],
    ],
  ];
  for (const [what, receipt, codes] of cases) {
    const witness = new Witness();
    const kept = await witness.give({ receipt });
    t.same(verify(keysOf(witness), files([kept])).codes, codes, what);
  }
  const witness = new Witness();
  const elsewhere = await witness.give({ order: { aud: { to: 'device', name: 'host2' } } });
  t.same(verify(keysOf(witness), files([elsewhere])).codes, ['OTHER_DEVICE']);
});

await t.test('an order of two people holds by both signatures, each of them named', async (t) => {
  const witness = new Witness();
  const [sam, tess] = [testKey(), testKey()];
  const people = testKeyring({ sam: [sam, 'security'], tess: [tess, 'security'] });
  const asker = (key: typeof sam, name: string) => ({ key: key.publicKey.keyId, name, role: 'security' });
  const disable = { verb: 'machine.disable', args: {}, exp: undefined };
  const given = { key: sam, cosigners: [tess], order: disable };
  const both = await witness.give({
    ...given,
    receipt: { askers: [asker(sam, 'sam'), asker(tess, 'tess')] },
  });
  const keys = { ...keysOf(witness), people };
  const { files: checked, codes } = verify(keys, files([both]));
  t.same(codes, []);
  t.match(checked, [{ checked: { signers: [{ name: 'sam' }, { name: 'tess' }] } }]);
  const one = await witness.give({ ...given, receipt: { askers: [asker(sam, 'sam')] } });
  t.same(verify(keys, files([one])).codes, ['OTHER_ASKERS'], 'a receipt that leaves one out');
  const known = { ...keys, people: testKeyring({ sam: [sam, 'security'] }) };
  t.same(
    verify(known, files([both])).codes,
    ['SIGNER_UNKNOWN'],
    'one key of two is not enough to say who asked',
  );
});

await t.test('what cannot be checked is never said to hold', async (t) => {
  const witness = new Witness();
  const unknown = testKey();
  const kept = await witness.give({ key: unknown });
  const { codes, report, files: checked } = verify(keysOf(witness), files([kept]));
  t.same(codes, ['SIGNER_UNKNOWN']);
  t.match(report.counts, { wrong: 0, unchecked: 1 });
  t.match(checked, [{ checked: { signers: [], order: undefined } }]);
  const packet = (await new Witness().give()).receipt;
  t.match(verify(keysOf(witness), [packet]).report.counts, { unchecked: 1 }, 'a packet of nobody known');
});

await t.test('what is true and worth knowing is said: power, clocks, roles', async (t) => {
  const on = [
    { at: 0, state: 'S5' as const, certain: true },
    { at: 12, state: 'S0' as const, certain: true },
  ];
  const cases: [Record<string, unknown>, string[]][] = [
    [{ power: on }, ['WOKE']],
    [{ power: [] }, ['POWER_UNKNOWN']],
    [{ power: [{ at: 0, state: 'S5', certain: false }] }, ['POWER_UNCERTAIN']],
    [{ receivedAt: 1_500_000_000 }, ['CLOCK_BEHIND']],
    [{ askers: undefined, verb: 'io.list' }, ['OTHER_VERB']],
  ];
  for (const [receipt, codes] of cases) {
    const witness = new Witness();
    t.same(verify(keysOf(witness), files([await witness.give({ receipt })])).codes, codes);
  }
  const witness = new Witness();
  const steps = [await witness.give(), await witness.give()];
  witness.now -= 86_400;
  steps.push(await witness.give());
  t.same(verify(keysOf(witness), files(steps)).codes, ['CLOCK_SET_BACK']);
  const auditor = { ...keysOf(witness), people: testKeyring({ olga: [witness.operator, 'auditor'] }) };
  const stat = await witness.give({ order: { verb: 'file.stat', args: { path: '/x' } } });
  t.same(verify(auditor, files([stat])).codes, ['ASKER_DIFFERS', 'ROLE']);
});

await t.test('the chain: gaps are named, and a second truth about one number is found', async (t) => {
  const witness = new Witness();
  const keys = keysOf(witness);
  const kept = [await witness.give(), await witness.give(), await witness.give()];
  const restore = witness.backup();
  kept.push(await witness.give(), await witness.give());
  const holed = verify(keys, files([kept[1]!, kept[4]!]));
  t.same(holed.codes, []);
  t.match(holed.report.devices[0]?.chain, {
    gaps: [
      [1, 1],
      [3, 4],
    ],
    first: 2,
    last: 5,
  });
  t.same(verify(keys, files([...kept, kept[2]!])).codes, [], 'the same receipt twice is one');
  restore();
  const again = [await witness.give(), await witness.give()];
  t.same(verify(keys, files([...kept, again[0]!])).codes, ['FORK', 'AUDIT_REWRITTEN']);
  t.same(verify(keys, files([...kept.slice(0, 4), again[1]!])).codes, ['CHAIN_BROKEN']);
  const loose = await new Witness().give({ receipt: { seq: 9 } });
  t.ok(loose);
  const first = await witness.give({ receipt: { seq: 9, prev: new Uint8Array(32) } });
  t.same(verify(keys, files([first])).codes, ['CHAIN_START']);
  const notFirst = await witness.give({ receipt: { seq: 1, prev: new Uint8Array(32).fill(1) } });
  t.same(verify(keys, files([notFirst])).codes, ['CHAIN_START']);
});

await t.test('the audit log: cut short, rewritten or put back, every head seen earlier tells', async (t) => {
  const start = async () => {
    const witness = new Witness();
    const kept = [await witness.give(), await witness.give(), await witness.give()];
    return { witness, kept, keys: keysOf(witness) };
  };
  const cut = await start();
  cut.witness.head = { seq: 1, hash: cut.witness.before[1]! };
  cut.kept.push(await cut.witness.give());
  t.ok(verify(cut.keys, files(cut.kept)).codes.includes('AUDIT_CUT'));

  const rewritten = await start();
  const { witness } = rewritten;
  const other = new Witness();
  for (const name of ['file.list', 'machine.status', 'machine.status', 'machine.status']) other.append(name);
  Object.assign(witness, { entries: other.entries, before: other.before, head: other.head });
  rewritten.kept.push(await witness.readLog());
  t.same(new Set(verify(rewritten.keys, files(rewritten.kept)).codes), new Set(['AUDIT_REWRITTEN']));

  const forged = await start();
  forged.witness.entries[1] = { ...forged.witness.entries[1]!, detail: 'nothing happened' };
  forged.kept.push(await forged.witness.readLog());
  t.same(verify(forged.keys, files(forged.kept)).codes, ['AUDIT_CHAIN']);

  const holed = await start();
  holed.witness.entries = [holed.witness.entries[0]!, holed.witness.entries[2]!];
  holed.kept.push(await holed.witness.readLog(0, 2));
  t.same(verify(holed.keys, files(holed.kept)).codes, ['AUDIT_CHAIN']);
});

await t.test(
  'a log read in pages is one log, and a presence that somebody recorded counts as well',
  async (t) => {
    const witness = new Witness();
    const keys = keysOf(witness);
    const kept: KeptReceipt[] = [];
    for (let i = 0; i < 6; i += 1) kept.push(await witness.give());
    kept.push(await witness.readLog(0, 3), await witness.readLog(3, 6));
    const presence = (audit: { seq: number; hash: Uint8Array }) =>
      witness.seal({
        event: 'presence',
        state: 'online',
        uptimeSeconds: 1,
        version: 'x',
        board: 'y',
        power: 'S5',
        lock: 'enabled',
        nonce: new Uint8Array(16),
        audit,
      });
    const good = verify(keys, [...files(kept), await presence({ ...witness.head })]);
    t.same(good.codes, []);
    t.match(good.report.devices[0]?.audit, { read: [[0, 5]], heads: 9, found: 9 });
    const bad = await presence({ seq: 4, hash: new Uint8Array(32).fill(4) });
    t.same(verify(keys, [...files(kept), bad]).codes, ['AUDIT_REWRITTEN']);
    const packet = (await witness.give()).receipt;
    t.same(verify(keys, [packet]).codes, ['NO_ORDER'], 'a receipt as published, without its order');
  },
);

await t.test('keys come from the configuration, from keyrings and from the command line', async (t) => {
  const [device, older, olga, sam] = [testKey(), testKey(), testKey(), testKey()];
  const text = (key: typeof device) => publicKeyText(key.publicKey);
  const config = {
    devices: new Map([['host1', device.publicKey]]),
    people: [{ name: 'olga', role: 'operator' as const, key: text(olga) }],
    tenant: 'acme',
  };
  const raw = [
    { name: 'olga', role: 'operator', key: text(olga), scopes: [] },
    { name: 'olga', role: 'operator', key: text(older) },
    { name: 'sam', person: 'Sam S', role: 'security', key: text(sam) },
  ];
  const keys = knownKeys(config, [{ source: 'keyring.yaml', raw }], [`host1=${text(older)}`]);
  t.equal(keys.devices.get('host1')?.length, 2);
  t.same(
    keys.people.entries().map(({ name, person }) => [name, person]),
    [
      ['olga', 'olga'],
      ['olga 2', 'olga'],
      ['sam', 'Sam S'],
    ],
  );
  t.throws(() => knownKeys(config, [], ['host1']), { code: 'NS_USAGE' });
  t.throws(() => knownKeys(config, [], ['host1=ed25519:x']), { code: 'NS_USAGE' });
  t.throws(() => knownKeys(config, [{ source: 'k.yaml', raw: 'no' }], []), { code: 'NS_CONFIG_INVALID' });
});

await t.test('a signed keyring is believed by enough of the roots given, and by nobody else', async (t) => {
  const [ann, bob, olga] = [testKey(), testKey(), testKey()];
  const root = (person: string, key: typeof ann) => ({
    name: person,
    person,
    key: publicKeyText(key.publicKey),
  });
  const roots = { threshold: 2, keys: [root('ann', ann), root('bob', bob)] };
  const keys = [{ ...root('olga', olga), role: 'operator' as const }];
  const document = { v: 1 as const, version: 3, tenant: 'acme', roots, keys, revoked: [] };
  const given = parseRoots('roots.yaml', roots);
  const whole = await signKeyring(document, [ann, bob]);
  t.ok(isSignedKeyring(whole));
  t.match(signedKeys('k', whole, given, 'acme'), [{ name: 'olga', role: 'operator' }]);
  const bad: [string, Uint8Array, typeof given | undefined, string, RegExp][] = [
    ['no roots named', whole, undefined, 'acme', /--roots/],
    ['one of two', await signKeyring(document, [ann]), given, 'acme', /1 of these roots/],
    ['other roots', whole, { threshold: 1, keys: [root('eve', testKey())] }, 'acme', /0 of these roots/],
    ['another tenant', whole, given, 'other', /tenant "acme"/],
    ['cut short', whole.subarray(0, 60), given, 'acme', /k: /],
  ];
  for (const [what, bytes, by, tenant, message] of bad)
    t.throws(() => signedKeys('k', bytes, by, tenant), { code: 'NS_KEYRING_INVALID', message }, what);
});
