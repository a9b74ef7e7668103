import t from 'tap';
import { utf8 } from '../../../src/base/index.ts';
import { type DeviceEvent, encode, LIMITS } from '../../../src/protocol/index.ts';
import { sign1 } from '../../../src/security/cose.ts';
import { openEvent, signEvent } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import { idOf } from '../../kit/orders.ts';

const device = testKey();
const other = testKey();
const rules = { tenant: 'acme' };
const event: DeviceEvent = { v: 1, device: 'host1', boot: idOf(1), event: 'accepted', id: idOf(2) };
const open = (packet: Uint8Array) => openEvent(packet, device.publicKey, rules);
const codeOf = (packet: Uint8Array) => {
  const verdict = open(packet);
  return verdict.ok ? 'ok' : verdict.refusal.code;
};

await t.test('an event opens to what the device said', async (t) => {
  const receipt: DeviceEvent = {
    ...event,
    event: 'receipt',
    verb: 'file.list',
    order: new Uint8Array(32),
    issuer: new Uint8Array(8),
    outcome: 'succeeded',
    result: { entries: [{ name: 'ä', size: 2 ** 40 }] },
    power: [{ at: 0, state: 'S5', certain: true }],
    receivedAt: 1_790_000_000,
    tookMs: 12,
    seq: 1,
    prev: new Uint8Array(32),
  };
  for (const said of [event, receipt]) {
    const opened = open(await signEvent(said, device, 'acme'));
    if (!opened.ok) throw new Error(opened.refusal.sentence);
    t.strictSame(opened.value, said);
  }
});

await t.test('an event that is not this device’s, or not for this tenant, is refused', async (t) => {
  t.equal(codeOf(await signEvent(event, other, 'acme')), 'KEY_UNKNOWN');
  t.equal(codeOf(await signEvent(event, device, 'other')), 'SIGNATURE_INVALID');
  t.equal(codeOf(await sign1(encode(event), device, utf8('nightshift/1/order/acme'))), 'SIGNATURE_INVALID');
  t.equal(codeOf(encode(event)), 'ENVELOPE_INVALID');
});

await t.test('an event in the wrong shape or size is refused', async (t) => {
  const odd = await sign1(encode({ ...event, extra: 1 }), device, utf8('nightshift/1/event/acme'));
  t.equal(codeOf(odd), 'MESSAGE_INVALID');
  t.equal(codeOf(new Uint8Array(LIMITS.event + 1)), 'PACKET_TOO_LARGE');
  t.equal(codeOf(Uint8Array.from([0xd2])), 'CBOR_INVALID');
});

await t.test('a device never sends what is too large to be read', async (t) => {
  const big = {
    ...event,
    event: 'progress',
    seq: 1,
    stage: 'x',
    done: 0,
    sample: new Uint8Array(LIMITS.event),
  };
  await t.rejects(signEvent(big as DeviceEvent, device, 'acme'), { code: 'NS_EVENT_TOO_LARGE' });
});

await t.test('one flipped bit anywhere is refused', async (t) => {
  const packet = await signEvent(event, device, 'acme');
  const refused = packet.filter((_, at) => {
    const changed = new Uint8Array(packet);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    return !open(changed).ok;
  });
  t.equal(refused.length, packet.length);
});
