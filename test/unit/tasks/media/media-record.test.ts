import fc from 'fast-check';
import t from 'tap';
import { utf8 } from '../../../../src/base/index.ts';
import type { PowerReading, PowerState } from '../../../../src/ports/index.ts';
import { decodeOffer, encodeOffer, stepOf } from '../../../../src/tasks/media/media-record.ts';

const offer = {
  order: new Uint8Array(16).fill(1),
  size: 512,
  sha256: new Uint8Array(32).fill(2),
  started: false,
};
const reading = (state: PowerState, certain = true): PowerReading => ({
  state,
  certain,
  sources: {},
  fusion: 'agreed',
});

await t.test('a record is read as it was written, and anything else is none', (t) => {
  for (const started of [true, false])
    t.same(decodeOffer(encodeOffer({ ...offer, started })), { ...offer, started });
  const whole = encodeOffer(offer);
  for (let size = 0; size < whole.byteLength; size += 1)
    t.equal(decodeOffer(whole.subarray(0, size)), undefined);
  for (const text of ['{}', 'null', '{"v":2}', '[]', '{"v":1,"order":"00"}'])
    t.equal(decodeOffer(utf8(text)), undefined);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeOffer(bytes) === undefined));
  t.end();
});

await t.test('what becomes of an offer', (t) => {
  const step = (
    started: boolean,
    power: PowerReading | undefined,
    more: { readonly enabled?: boolean; readonly shown?: boolean } = {},
  ) => stepOf({ ...offer, started }, { enabled: true, shown: true, power, ...more });
  t.equal(step(false, reading('S5')), 'keep');
  t.equal(step(false, reading('G3'), { shown: false }), 'show');
  t.equal(step(false, reading('S0')), 'note-start');
  t.equal(step(true, reading('S0')), 'keep');
  t.equal(step(true, reading('S3')), 'keep');
  t.equal(step(true, reading('S4')), 'keep');
  t.equal(step(true, reading('S5')), 'take-back');
  t.equal(step(true, reading('S5', false)), 'keep', 'what is not certain ends nothing');
  t.equal(step(true, undefined), 'keep');
  for (const state of ['S0', 'S3', 'S4', 'unknown'] as const)
    t.not(step(false, reading(state), { shown: false }), 'show', state);
  for (const state of ['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'] as const)
    t.equal(step(false, reading(state), { enabled: false }), 'take-back', state);
  t.end();
});
