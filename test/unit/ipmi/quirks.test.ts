import t from 'tap';
import { concatBytes, utf8 } from '../../../src/base/index.ts';
import { isQuirk, QUIRKS, type Quirk, userKey } from '../../../src/ipmi/index.ts';
import { lanRig, PASSWORD } from '../../kit/lan-rig.ts';
import type { SmallBmcOptions } from '../../kit/small-bmc.ts';

const last = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(bytes, (byte, n) => (n === bytes.byteLength - 1 ? byte ^ 0x5a : byte));

/** A BMC that needs the quirk. */
const BMCS: Readonly<Record<Exclude<Quirk, 'slow-answers'>, Partial<SmallBmcOptions>>> = {
  'role-as-opened': { computesWith: (x, level) => ({ ...x, role: level }) },
  'padded-user-name': {
    computesWith: (x) => ({ ...x, user: concatBytes(utf8('admin'), new Uint8Array(11)) }),
  },
  'password-of-16': { key: userKey(utf8(PASSWORD.slice(0, 16))) },
  'session-id-zero': { session: 0 },
  'bad-message-checksum': { alter: (message) => [last(message)] },
  'no-set-privilege': {
    answer: ({ command, data }) => (command === 0x3b ? [0xc1, data] : [0, Uint8Array.of(1, 0, 0)]),
  },
};

for (const quirk of Object.keys(BMCS) as (keyof typeof BMCS)[]) {
  await t.test(
    `"${quirk}" is named where a BMC needs it, and nothing is done before it is allowed`,
    async (t) => {
      const strict = lanRig({ bmc: BMCS[quirk] });
      const refused = t.rejects(strict.settle(strict.client.chassisControl('off')), {
        code: 'NS_IPMI_QUIRK',
        message: new RegExp(`allow it the quirk "${quirk}"`),
      });
      await refused;
      t.same(strict.used, []);
      if (quirk !== 'bad-message-checksum') {
        t.notOk(strict.bmcs.some(({ requests }) => requests.some(({ netFn }) => netFn === 0)));
      }
    },
  );

  await t.test(`"${quirk}" is put to use where it is allowed, and told`, async (t) => {
    const allowed = lanRig({ bmc: BMCS[quirk], quirks: [quirk] });
    await allowed.settle(allowed.client.chassisControl('off'));
    t.ok((await allowed.settle(allowed.client.chassisStatus())).powerOn);
    t.same(allowed.used, [quirk]);
    t.equal(allowed.bmcs.length, 1);
  });
}

await t.test(
  'a BMC whose replies have session 0 needs the quirk too, and its packets must be right',
  async (t) => {
    const strict = lanRig({ bmc: { marks: 0 } });
    await t.rejects(strict.settle(strict.client.chassisStatus()), { code: 'NS_IPMI_QUIRK' });
    const allowed = lanRig({ bmc: { marks: 0 }, quirks: ['session-id-zero'] });
    t.ok((await allowed.settle(allowed.client.chassisStatus())).powerOn);
    t.same(allowed.used, ['session-id-zero']);
    const forged = lanRig({
      bmc: { marks: 0, mangle: (bytes, n) => [n > 3 ? last(bytes) : bytes] },
      quirks: ['session-id-zero'],
    });
    await t.rejects(forged.settle(forged.client.chassisStatus()), { code: 'NS_IPMI_SILENT' });
  },
);

await t.test('every quirk at once does not let a wrong password, or a wrong code, through', async (t) => {
  const quirks = Object.keys(QUIRKS) as Quirk[];
  for (const one of [[], quirks]) {
    const wrong = lanRig({ password: 'wrong', quirks: one });
    await t.rejects(wrong.settle(wrong.client.chassisStatus()), { code: 'NS_IPMI_CREDENTIALS' });
    // RAKP 2 without a code, its length put right.
    const mangle = (bytes: Uint8Array, n: number): Uint8Array[] => [
      n === 2 ? Uint8Array.from(bytes.subarray(0, 56), (byte, at) => (at === 14 ? 40 : byte)) : bytes,
    ];
    const empty = lanRig({ quirks: one, bmc: { mangle } });
    await t.rejects(empty.settle(empty.client.chassisStatus()), { code: 'NS_IPMI_CREDENTIALS' });
    t.equal(empty.bmcs.flatMap(({ requests }) => requests).length, 0);
  }
});

await t.test('slow answers: a question is repeated later, and the time for it stays the same', async (t) => {
  const normal = lanRig({ bmc: { mangle: () => [] } });
  await t.rejects(normal.settle(normal.client.chassisStatus()), { code: 'NS_IPMI_SILENT' });
  const slow = lanRig({ bmc: { mangle: () => [] }, quirks: ['slow-answers'] });
  const asked = Promise.allSettled([slow.client.chassisStatus()]);
  await slow.clock.advance(700 as never);
  t.equal(slow.bmcs[0]?.heard.length, 1);
  await slow.settle(asked);
  t.equal(slow.clock.monotonic() <= 6000, true);
});

await t.test('only known names are quirks', async (t) => {
  t.ok(isQuirk('role-as-opened'));
  t.notOk(isQuirk('cipher-suite-zero'));
  t.notOk(isQuirk('toString'));
});
