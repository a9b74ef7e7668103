import fc from 'fast-check';
import t from 'tap';
import * as v from 'valibot';
import { makeSpd } from '../../../../src/adapters/sim/spd.ts';
import { GiB } from '../../../../src/base/index.ts';
import { encodeFru } from '../../../../src/ipmi/index.ts';
import type { Channel } from '../../../../src/ports/index.ts';
import { contentsOf } from '../../../../src/programs/agent/channel-contents.ts';
import { VERBS } from '../../../../src/protocol/index.ts';
import { FAKE_FRU } from '../../../kit/fake-bmc-machine.ts';

const memory = (holds: Channel['holds']): Channel => ({
  name: 'memory',
  kind: 'eeprom',
  unit: 'bytes',
  readable: true,
  writable: false,
  ...(holds && { holds }),
});
const fru = (bytes: Uint8Array) => contentsOf(memory('fru'), bytes);
const spd = (bytes: Uint8Array) => contentsOf(memory('spd'), bytes);
const named = (contents: ReturnType<typeof fru>, name: string) =>
  contents?.fields.filter((field) => field.name === name).map(({ value }) => value);

await t.test('FRU data are told field by field, what is empty is left out', (t) => {
  const contents = fru(encodeFru(FAKE_FRU));
  t.same(contents?.problems, []);
  t.same(named(contents, 'Board Serial'), ['BS-12']);
  t.same(named(contents, 'Board Extra'), ['spare']);
  t.same(named(contents, 'Board Mfg Date'), ['1996-12-31 00:00:00Z']);
  t.same(named(contents, 'Product Name'), ['Test machine']);
  t.same(named(contents, 'Board FRU ID'), []);
  t.end();
});

await t.test('one damaged area is said, the others are told', (t) => {
  const bytes = encodeFru(FAKE_FRU);
  const board = bytes[3]! * 8;
  bytes[board + 8]! ^= 1;
  const contents = fru(bytes);
  t.match(contents?.problems, [/^board: .*checksum/]);
  t.same(named(contents, 'Board Serial'), []);
  t.same(named(contents, 'Product Serial'), ['PS-5']);
  t.end();
});

await t.test('a memory that is blank, or of something else, tells nothing and says why', (t) => {
  for (const bytes of [new Uint8Array(256), new Uint8Array(256).fill(0xff), new Uint8Array(3)]) {
    const contents = fru(bytes);
    t.same(contents?.fields, []);
    t.equal(contents?.problems.length, 1);
  }
  t.match(spd(new Uint8Array(512)), { fields: [], problems: [/0x00 is no known type/] });
  t.equal(contentsOf(memory(undefined), encodeFru(FAKE_FRU)), undefined, 'nobody says what it holds');
  t.end();
});

await t.test('SPD is told, and a wrong CRC with it', (t) => {
  const bytes = makeSpd({ slot: 'A1', size: 2 * GiB });
  t.match(spd(bytes), {
    fields: [
      { name: 'Type', value: 'DDR4 SDRAM' },
      { name: 'Size', value: '2.0 GiB' },
      { name: 'Part Number', value: 'NS-SIM-A1' },
    ],
    problems: [],
  });
  bytes[130]! ^= 1;
  t.match(spd(bytes)?.problems, [/CRC of the module block is wrong/]);
  bytes[2] = 11;
  t.match(spd(bytes), { fields: [{ value: 'DDR3 SDRAM' }], problems: [/not decoded/] });
  t.end();
});

await t.test('as many fields as a maker likes, with what a terminal must not see', (t) => {
  const custom = Array.from({ length: 240 }, () => 'x\u001b[31m');
  const contents = fru(encodeFru({ ...FAKE_FRU, chassis: { ...FAKE_FRU.chassis!, custom } }));
  t.equal(contents?.fields.length, 96);
  t.match(contents?.problems, [/^1\d\d more fields are left out$/]);
  t.same(named(contents, 'Chassis Extra')?.[0], 'x?[31m');
  t.end();
});

await t.test('no bytes give more than fits the answer', (t) => {
  const whole = encodeFru(FAKE_FRU);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 2048 }),
    fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      // The header is made right again, so that what is behind it is looked at.
      bytes[7] = -bytes.subarray(0, 7).reduce((sum, byte) => sum + byte, 0) & 0xff;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(hostile, fc.constantFrom('fru', 'spd'), (value, holds) => {
      const contents = contentsOf(memory(holds), value);
      v.parse(VERBS['io.read'].result, { channel: 'memory', unit: 'bytes', value, contents });
      return contents?.fields.every((field) => /^[\x20-\x7e\xa0-\xff…]*$/.test(field.value)) === true;
    }),
    { numRuns: 500 },
  );
  t.end();
});
