import t, { type Test } from 'tap';
import type { OrderTiming } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { RELEASED } from '../../src/programs/version.ts';
import type { ArgsOf, Verb } from '../../src/protocol/index.ts';
import { Keyring, publicKeyText, type Role } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { endOf } from '../kit/ended.ts';
import { eventually } from '../kit/eventually.ts';

const DAY = 86_400;
const IN_1970 = 86;
const IN_2100 = 4_102_444_800;

async function coldHost(t: Test): Promise<ColdHost> {
  const host = await ColdHost.start({});
  t.teardown(() => host.close());
  return host;
}

/** Gives an order that is bound to a nonce of the device. */
async function bound<V extends Verb>(
  host: ColdHost,
  verb: V,
  args: ArgsOf<V>,
  options: { readonly key?: KeyStore; readonly by?: OrderTiming['by'] } = {},
) {
  const fleet = await host.fleet(options.key ?? host.operator);
  try {
    const timing = { by: options.by ?? 'nonce' };
    const run = await fleet.order('host1', verb, args, { signal: new AbortController().signal, timing });
    return endOf(await run.outcome);
  } finally {
    await fleet.close();
  }
}

/** A packet that was signed for a nonce of now, and is kept back. */
async function keptBack(host: ColdHost, change: Record<string, unknown>, maxAge = 600): Promise<Uint8Array> {
  const fleet = await host.fleet();
  try {
    const nonce = await fleet.nonce('host1', { signal: new AbortController().signal });
    return await host.packet({ exp: undefined, nonce, maxAge, ...change });
  } finally {
    await fleet.close();
  }
}

const rejections = (host: ColdHost) => host.said('rejected').map(({ refusal }) => refusal.code);

/** The refusal that a packet of anybody's gets. */
async function sent(host: ColdHost, packet: Uint8Array): Promise<string | undefined> {
  const before = rejections(host).length;
  host.send(packet);
  await eventually(() => rejections(host).length > before);
  return rejections(host).at(-1);
}

await t.test(
  'whatever the wall clock says, an order that is bound to a nonce is obeyed, and the machine can be disabled',
  async (t) => {
    const host = await coldHost(t);
    const { officer } = host;
    let jump = 0;
    const walls: Record<string, () => number> = {
      'since 1970': () => IN_1970,
      'in 2100': () => IN_2100,
      jumping: () => (jump++ % 2 === 0 ? IN_1970 : IN_2100),
    };
    for (const [name, wall] of Object.entries(walls)) {
      host.wallSeconds = wall;
      t.match(await bound(host, 'machine.status', {}), { outcome: 'succeeded' }, `status ${name}`);
      t.match(
        await host.give('machine.disable', {}, { key: officer }),
        { outcome: 'succeeded' },
        `disable ${name}`,
      );
      t.match(
        await bound(host, 'machine.enable', {}, { key: officer }),
        { outcome: 'succeeded', result: { changed: true } },
        `enable ${name}`,
      );
    }
    host.wallSeconds = () => IN_2100;
    t.match(
      await host.give('machine.status', {}),
      { outcome: 'rejected', code: 'EXPIRED' },
      'by the clocks it is late',
    );
    host.wallSeconds = () => IN_1970;
    const old = await host.packet({ exp: RELEASED - 1 });
    t.equal(await sent(host, old), 'EXPIRED', 'and older than the release it never was good');
  },
);

await t.test(
  'signed time moves forward only, by so much for one person, and outlives a restart',
  async (t) => {
    const host = await coldHost(t);
    host.wallSeconds = () => IN_1970;
    const to = (at: number, farAhead = false) =>
      bound(host, 'clock.set', { at, ...(farAhead ? { farAhead } : {}) });
    const soon = RELEASED + 30 * DAY;
    t.match(await to(soon), { outcome: 'succeeded', result: { changed: true, wall: IN_1970 } });
    t.match(await to(soon - DAY), { outcome: 'succeeded', result: { changed: false } });
    const late = await host.packet({ exp: soon - 60 });
    t.equal(await sent(host, late), 'EXPIRED', 'though the wall clock is far behind');
    t.match(await to(soon + 32 * DAY), { outcome: 'refused', code: 'NEEDS_TWO_PEOPLE', remedy: /--far/ });
    t.match(await to(RELEASED + 26 * 366 * DAY, true), { outcome: 'refused', code: 'TIME_IMPLAUSIBLE' });
    t.match(
      await bound(host, 'clock.set', { at: soon + 400 * DAY, farAhead: true }, { key: host.officer }),
      { outcome: 'succeeded', result: { changed: true } },
      'two people may',
    );
    await host.stop();
    await host.boot();
    t.equal(await sent(host, await host.packet({ exp: soon + 399 * DAY })), 'EXPIRED', 'after a restart too');
    const tls = (await host.credentials?.())?.tls;
    t.ok((tls?.floor?.() ?? 0) >= soon + 400 * DAY, 'certificates are judged by it');
    t.match(host.said('receipt').at(-1)?.clock?.floor, soon + 400 * DAY, 'receipts tell it');
  },
);

await t.test('a far step that claims to be one of two people is not taken from one', async (t) => {
  const host = await coldHost(t);
  const at = RELEASED + 400 * DAY;
  const fleet = await host.fleet(host.operator, []);
  t.teardown(() => fleet.close());
  const options = { signal: new AbortController().signal, timing: { by: 'nonce' as const } };
  await t.rejects(fleet.order('host1', 'clock.set', { at, farAhead: true }, options), {
    code: 'NS_ORDER_INVALID',
  });
  // Without saying so it is signed by one; the wall clock is no measure, else whoever sets it forward decides.
  host.wallSeconds = () => at;
  t.match(await bound(host, 'clock.set', { at }), { code: 'NEEDS_TWO_PEOPLE' });
});

await t.test(
  'a statement of time that was kept back is worth nothing after a restart, or when it is old',
  async (t) => {
    const host = await coldHost(t);
    const statement = { verb: 'clock.set', args: { at: RELEASED + DAY } };
    const short = await keptBack(host, statement, 0);
    const long = await keptBack(host, statement, DAY);
    t.equal(await sent(host, short), 'EXPIRED');
    await host.stop();
    await host.boot();
    t.equal(await sent(host, long), 'EXPIRED');
  },
);

await t.test('a thief who sets the clock forward ends grants, but not the right to disable', async (t) => {
  const host = await coldHost(t);
  const until = Math.floor(Date.now() / 1000) + DAY;
  const entry = (name: string, role: Role, key: KeyStore, notAfter?: number) => ({
    name,
    role,
    key: publicKeyText(key.publicKey),
    ...(notAfter === undefined ? {} : { notAfter }),
  });
  await host.stop();
  await host.boot({
    keyring: new Keyring([
      entry('olga', 'operator', host.operator),
      entry('sam', 'security', host.officer, until),
      entry('tess', 'security', host.officer2, until),
      entry('gov', 'governor', host.governor.key),
    ]),
  });
  host.wallSeconds = () => IN_2100;
  t.match(await bound(host, 'machine.status', {}, { key: host.officer }), { code: 'KEY_EXPIRED' });
  t.match(await host.give('machine.disable', {}, { key: host.officer }), { outcome: 'succeeded' });
  t.match(await bound(host, 'machine.enable', {}, { key: host.officer }), { code: 'KEY_EXPIRED' });
  host.wallSeconds = () => Math.floor(Date.now() / 1000);
  t.match(await bound(host, 'machine.enable', {}, { key: host.officer }), { outcome: 'succeeded' });
});
