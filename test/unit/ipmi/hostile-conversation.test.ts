import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { NsError, toHex } from '../../../src/base/index.ts';
import type { CipherSuiteId, IpmiClient } from '../../../src/ipmi/index.ts';
import { deeds, lanRig, WITHIN } from '../../kit/lan-rig.ts';
import type { SmallBmcOptions } from '../../kit/small-bmc.ts';

type Change = (packet: Uint8Array) => Uint8Array;
type Outcome = { readonly is: 'right' } | { readonly is: 'error'; readonly code: string };

/** What a session may end with where its packets are tampered with. */
const CLEAR: ReadonlySet<string> = new Set([
  'NS_IPMI_SILENT',
  'NS_IPMI_SESSION',
  'NS_IPMI_CREDENTIALS',
  'NS_IPMI_SUITE',
  'NS_IPMI_BUSY',
  'NS_IPMI_QUIRK',
]);
/** Of those, what a message that is right by its code but makes no sense may end with. */
const FROM_BMC: ReadonlySet<string> = new Set([
  'NS_IPMI_SILENT',
  'NS_IPMI_MESSAGE',
  'NS_IPMI_COMPLETION',
  'NS_IPMI_QUIRK',
  'NS_BYTES_SHORT',
]);
const SET_UP = 3;

async function outcome(
  suite: CipherSuiteId,
  bmc: Partial<SmallBmcOptions>,
  what: 'question' | 'deed',
  clear: ReadonlySet<string>,
): Promise<Outcome> {
  const { client, settle, clock, bmcs } = lanRig({ suite, bmc });
  const end = await settle(what === 'deed' ? deed(client) : question(client)).then(
    (): Outcome => ({ is: 'right' }),
    (error: unknown): Outcome => {
      if (!(error instanceof NsError) || !clear.has(error.code)) throw error;
      return { is: 'error', code: error.code };
    },
  );
  if (clock.monotonic() > WITHIN) throw new Error('after the deadline');
  await settle(client.close());
  if (clock.waiting > 0) throw new Error('a timer was left');
  if (deeds(bmcs) > 1) throw new Error('done twice');
  return end;
}

const deed = (client: IpmiClient): Promise<void> => client.chassisControl('off');

async function question(client: IpmiClient): Promise<void> {
  const { powerOn, restorePolicy, identify } = await client.chassisStatus();
  if (!(powerOn && restorePolicy === 'previous' && identify === 'off')) throw new Error('a wrong answer');
}

/** The packets that a BMC sends for one question, or one deed. */
async function conversation(suite: CipherSuiteId, what: 'question' | 'deed'): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = [];
  const mangle = (bytes: Uint8Array): Uint8Array[] => {
    packets.push(bytes);
    return [bytes];
  };
  await outcome(suite, { mangle }, what, new Set());
  // The answer to Close Session is nobody's concern.
  return packets.slice(0, -1);
}

const at =
  (place: number, change: (byte: number) => number): Change =>
  (packet) =>
    Uint8Array.from(packet, (byte, n) => (n === place ? change(byte) & 0xff : byte));
const cut =
  (length: number): Change =>
  (packet) =>
    packet.subarray(0, length);
/** Cut or lengthened, and its length field put right. */
const resized =
  (by: number): Change =>
  (packet) => {
    const changed = new Uint8Array(Math.max(16, packet.byteLength + by));
    changed.set(packet.subarray(0, changed.byteLength));
    const size = new DataView(packet.buffer, packet.byteOffset).getUint16(14, true) + by;
    new DataView(changed.buffer).setUint16(14, Math.max(0, size), true);
    return changed;
  };
const longer =
  (by: number): Change =>
  (packet) => {
    const changed = new Uint8Array(packet.byteLength + by).fill(0xa5);
    changed.set(packet);
    return changed;
  };

function* changes(packet: Uint8Array): Generator<readonly [string, Change]> {
  for (let n = 0; n < packet.byteLength; n += 1) {
    for (const bits of [0x01, 0x10, 0x80, 0xff]) yield [`byte ${n} ^ ${bits}`, at(n, (byte) => byte ^ bits)];
    yield [`byte ${n} = 0`, at(n, () => 0)];
    yield [`cut to ${n}`, cut(n)];
  }
  for (const by of [1, 7, 16, 300, 2048, 60_000]) yield [`${by} longer`, longer(by)];
  for (const by of [-40, -20, -16, -4, -1, 1, 4, 16, 300]) yield [`resized by ${by}`, resized(by)];
}

for (const suite of [3, 17] as const) {
  for (const how of ['once', 'each time'] as const) {
    await t.test(
      `suite ${suite}: a packet changed anywhere, ${how}: the right answer, or a clear error in time`,
      async (t) => {
        const packets = await conversation(suite, 'question');
        t.equal(packets.length, 4);
        const ends: Record<string, number> = {};
        for (const [index, packet] of packets.entries()) {
          for (const [name, change] of changes(packet)) {
            const type = packet[5];
            const mangle = (bytes: Uint8Array, count: number): Uint8Array[] => [
              (how === 'once' ? count === index + 1 : bytes[5] === type) ? change(bytes) : bytes,
            ];
            try {
              const end = await outcome(suite, { mangle }, 'question', CLEAR);
              const key = end.is === 'right' ? 'right' : end.code;
              ends[key] = (ends[key] ?? 0) + 1;
              // What was tampered with within a session is as good as lost, and is asked for again.
              if (index >= SET_UP && how === 'once' && end.is !== 'right') throw new Error(key);
            } catch (error) {
              t.fail(`packet ${index + 1}, ${name}: ${String(error)}`);
            }
          }
        }
        t.comment(`figure: suite ${suite}, ${how}: ${JSON.stringify(ends)}`);
        t.ok((ends.right ?? 0) > 0);
        t.ok((ends.NS_IPMI_CREDENTIALS ?? 0) > 0);
      },
    );
  }

  await t.test(
    `suite ${suite}: a deed whose answers are tampered with is done once, or not at all`,
    async (t) => {
      const packets = await conversation(suite, 'deed');
      t.equal(packets.length, 5);
      for (const [index, packet] of packets.entries()) {
        if (index < SET_UP) continue;
        for (let n = 0; n < packet.byteLength; n += 3) {
          const mangle = (bytes: Uint8Array, count: number): Uint8Array[] => [
            count === index + 1 ? at(n, (byte) => byte ^ 0xff)(bytes) : bytes,
          ];
          const end = await outcome(suite, { mangle }, 'deed', CLEAR);
          // The answer to the deed itself is lost; that to the privilege is asked for again.
          const reserved = n === 1 || n === 2;
          const lost = index === 4 && !reserved;
          const due = lost ? { is: 'error', code: 'NS_IPMI_SILENT' } : { is: 'right' };
          if (!isDeepStrictEqual(end, due)) t.fail(`packet ${index + 1}, byte ${n}: ${JSON.stringify(end)}`);
        }
      }
    },
  );

  await t.test(
    `suite ${suite}: a message that is sealed rightly and makes no sense is an error of the BMC`,
    async (t) => {
      const size = 8 + 3;
      const changed: [string, Change][] = [];
      for (let n = 0; n <= size; n += 1) {
        changed.push([`cut to ${n}`, cut(n)]);
        for (const bits of [1, 4, 0x80, 0xff]) changed.push([`byte ${n}`, at(n, (byte) => byte ^ bits)]);
      }
      for (const by of [1, 16, 300, 1500, 2040]) changed.push([`${by} longer`, longer(by)]);
      for (const [name, change] of changed) {
        const alter = (message: Uint8Array): Uint8Array[] => [change(message)];
        try {
          await outcome(suite, { alter }, 'question', FROM_BMC);
          await outcome(suite, { alter }, 'deed', FROM_BMC);
        } catch (error) {
          t.fail(`${name}: ${String(error)}`);
        }
      }
      t.pass('all of them');
    },
  );
}

/** What somebody on the way may do with a packet of the BMC. */
const trick = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ is: 'pass' } as const) },
  fc.constant({ is: 'drop' } as const),
  fc.constant({ is: 'twice' } as const),
  fc.constant({ is: 'hold' } as const),
  fc.record({ is: fc.constant('replay' as const), which: fc.nat(200) }),
  fc.record({ is: fc.constant('reflect' as const), which: fc.nat(200) }),
  fc.record({ is: fc.constant('flip' as const), place: fc.nat(200), bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ is: fc.constant('junk' as const), bytes: fc.uint8Array({ maxLength: 80 }) }),
);

await t.test(
  'dropped, repeated, held back, replayed, reflected, forged: no answer is taken for another',
  async (t) => {
    let [right, wrong] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(trick, { minLength: 8, maxLength: 40 }), async (tricks) => {
        const sent: Uint8Array[] = [];
        let held: Uint8Array[] = [];
        const { client, settle, bmcs, clock } = lanRig({
          bmc: {
            // The answer tells which question it answers.
            answer: (request) =>
              request.netFn === 0x30
                ? [0, Uint8Array.of(request.command, ...request.data)]
                : [0, request.data],
            mangle(bytes, count) {
              sent.push(bytes);
              const now = held;
              held = [];
              const { is, ...how } = tricks[count % tricks.length]!;
              if (is === 'pass') return [...now, bytes];
              if (is === 'twice') return [bytes, ...now, bytes];
              if (is === 'drop') return now;
              if (is === 'replay') return [sent[(how as { which: number }).which % sent.length]!, bytes];
              if (is === 'junk') return [(how as { bytes: Uint8Array }).bytes, bytes];
              if (is === 'reflect') {
                const own = bmcs.flatMap(({ heard }) => heard);
                return [own[(how as { which: number }).which % own.length]!, bytes];
              }
              if (is === 'flip') {
                const { place, bits } = how as { place: number; bits: number };
                return [...now, at(place % bytes.byteLength, (byte) => byte ^ bits)(bytes)];
              }
              held = [...now, bytes];
              return [];
            },
          },
        });
        for (let n = 0; n < 12; n += 1) {
          const data = Uint8Array.of(n, n * 17);
          const command = n % 3;
          try {
            const answer = await settle(client.raw(0x30, command, data, { level: 'user', repeatable: true }));
            if (toHex(answer) !== toHex(Uint8Array.of(command, ...data))) return false;
            right += 1;
          } catch (error) {
            if (!(error instanceof NsError) || !CLEAR.has(error.code)) throw error;
            wrong += 1;
          }
        }
        await settle(client.close());
        return clock.waiting === 0;
      }),
      { numRuns: 150 },
    );
    t.comment(`figure: ${right} right answers, ${wrong} clear errors`);
    t.ok(right > wrong);
  },
);
