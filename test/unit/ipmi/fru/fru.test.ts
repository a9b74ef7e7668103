import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../../src/base/index.ts';
import { decodeFru } from '../../../../src/ipmi/fru/decode.ts';
import { readFruDevice, writeFruDevice } from '../../../../src/ipmi/fru/device.ts';
import { encodeFru } from '../../../../src/ipmi/fru/encode.ts';
import { FRU_EPOCH, type FruInventory } from '../../../../src/ipmi/fru/inventory.ts';
import { type CannedAnswer, CannedCarrier, hex } from '../../../kit/canned-carrier.ts';

const never = new AbortController().signal;
const NONE = new Uint8Array(0);

const text = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const fields = fc.array(fc.oneof(text, fc.uint8Array({ minLength: 1, maxLength: 40 })), { maxLength: 4 });
const inventories: fc.Arbitrary<FruInventory> = fc.record(
  {
    chassis: fc.record({
      type: fc.integer({ min: 0, max: 255 }),
      partNumber: text,
      serialNumber: text,
      custom: fields,
    }),
    board: fc.record({
      language: fc.constant(0),
      manufactured: fc.option(
        fc.integer({ min: 1, max: 0xff_ffff }).map((minutes) => FRU_EPOCH + 60 * minutes),
        { nil: undefined },
      ),
      manufacturer: text,
      product: text,
      serialNumber: text,
      partNumber: text,
      fileId: text,
      custom: fields,
    }),
    product: fc.record({
      language: fc.constant(25),
      manufacturer: text,
      product: text,
      partNumber: text,
      version: text,
      serialNumber: text,
      assetTag: text,
      fileId: text,
      custom: fields,
    }),
    records: fc.array(
      fc.record({
        type: fc.integer({ min: 0, max: 255 }),
        version: fc.constant(2),
        data: fc.uint8Array({ maxLength: 60 }),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['records'], noNullPrototype: true },
);

const sample: FruInventory = {
  chassis: { type: 0x17, partNumber: 'C-1', serialNumber: 'S', custom: [] },
  board: {
    language: 0,
    manufactured: FRU_EPOCH + 60,
    manufacturer: 'Example',
    product: 'Board',
    serialNumber: 'B1',
    partNumber: 'P1',
    fileId: '',
    custom: ['one', Uint8Array.of(1)],
  },
  records: [{ type: 0xc0, version: 2, data: hex('010203') }],
};

void t.test('an inventory is read back as it was written', async () => {
  fc.assert(
    fc.property(inventories, (inventory) => {
      const { inventory: read, problems } = decodeFru(encodeFru(inventory));
      return problems.length === 0 && isDeepStrictEqual(structuredClone(read), structuredClone(inventory));
    }),
    { numRuns: 300 },
  );
});

void t.test('fields in every encoding are read', async (t) => {
  // Chassis area: type 17h, part number in BCD plus, serial number in 6-bit ASCII, a custom binary field, the end.
  const area = hex('01 00 17 42 12 3a 83 29 dc a6 02 0a 0b c1 00 00');
  area[1] = 2;
  area[15] = -area.reduce((sum, byte) => sum + byte, 0) & 0xff;
  const image = Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0xfe, ...area]);
  t.match(decodeFru(image), {
    inventory: {
      chassis: { type: 0x17, partNumber: '123', serialNumber: 'IPMI', custom: [hex('0a0b')] },
    },
    problems: [],
  });
});

void t.test('one damaged area leaves the others readable; a damaged header none', async (t) => {
  const image = encodeFru(sample);
  const board = image[3]! * 8;
  const broken = Uint8Array.from(image, (byte, n) => (n === board + 9 ? byte ^ 1 : byte));
  const { inventory, problems } = decodeFru(broken);
  t.match(inventory.chassis, sample.chassis);
  t.equal(inventory.board, undefined);
  t.match(problems, [{ area: 'board', why: /checksum/ }]);
  const header = Uint8Array.from(image, (byte, n) => (n === 2 ? byte ^ 1 : byte));
  t.throws(() => decodeFru(header), { code: 'NS_IPMI_FRU', family: 'peer' });
});

void t.test('any bytes are an inventory or one clear error', async () => {
  const image = encodeFru(sample);
  const mixed = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .tuple(fc.nat(image.length - 1), fc.nat(255), fc.nat(image.length))
      .map(([at, byte, size]) => Uint8Array.from(image, (b, n) => (n === at ? byte : b)).subarray(0, size)),
  );
  fc.assert(
    fc.property(mixed, (bytes) => {
      try {
        decodeFru(bytes);
        return true;
      } catch (error) {
        return error instanceof NsError && error.family === 'peer';
      }
    }),
    { numRuns: 1000 },
  );
});

void t.test('what does not fit is refused', async (t) => {
  const chassis = { type: 1, partNumber: '', serialNumber: '', custom: [] };
  const refused: FruInventory[] = [
    { records: [], chassis: { ...chassis, partNumber: 'x'.repeat(64) } },
    { records: [], chassis: { ...chassis, partNumber: '\u20ac' } },
    { records: [{ type: 1, version: 2, data: new Uint8Array(256) }] },
    { records: [], board: { ...sample.board!, manufactured: 0 } },
  ];
  for (const inventory of refused) t.throws(() => encodeFru(inventory), { code: 'NS_IPMI_ARGUMENT' });
});

/** A FRU device with this much memory that gives or takes at most so many bytes at once. */
function fruDevice(memory: Uint8Array, options: { most?: number; words?: boolean; forgets?: boolean } = {}) {
  const { most = 255, words = false, forgets = false } = options;
  const unit = words ? 2 : 1;
  const writes: number[] = [];
  const carrier = new CannedCarrier(({ command, data }): CannedAnswer => {
    if (command === 0x10) return [0, Uint8Array.of(memory.length & 0xff, memory.length >> 8, words ? 1 : 0)];
    const at = (data[1]! | (data[2]! << 8)) * unit;
    if (command === 0x12) {
      const bytes = data.subarray(3);
      writes.push(at);
      if (!forgets) memory.set(bytes, at);
      return [0, Uint8Array.of(bytes.length / unit)];
    }
    const size = data[3]! * unit;
    if (size > most) return [0xc8, NONE];
    return [0, Uint8Array.of(data[3]!, ...memory.subarray(at, at + size))];
  });
  return { carrier, writes };
}

void t.test('a device is read in pieces as small as it needs, by bytes or by words', async (t) => {
  const memory = Uint8Array.from({ length: 300 }, (_, n) => n & 0xff);
  for (const options of [{}, { most: 10 }, { words: true }, { words: true, most: 10 }]) {
    t.same(await readFruDevice(fruDevice(memory, options).carrier, 0, never), memory);
  }
  const cut = new CannedCarrier(({ command }) => (command === 0x10 ? '00 01 00' : '00'));
  await t.rejects(readFruDevice(cut, 0, never), { code: 'NS_IPMI_FRU' });
});

void t.test('only what differs is written, and it is read back', async (t) => {
  const memory = new Uint8Array(256);
  const wanted = encodeFru(sample);
  const { carrier, writes } = fruDevice(memory);
  await writeFruDevice(carrier, 0, wanted, never);
  t.same(memory.subarray(0, wanted.length), wanted);
  const first = writes.length;
  const changed = Uint8Array.from(wanted, (byte, n) => (n === 20 ? byte ^ 1 : byte));
  await writeFruDevice(carrier, 0, changed, never);
  t.same(writes.slice(first), [16]);
  const words = fruDevice(new Uint8Array(256), { words: true });
  await writeFruDevice(words.carrier, 0, wanted, never);
  await t.rejects(
    writeFruDevice(fruDevice(new Uint8Array(256), { forgets: true }).carrier, 0, wanted, never),
    {
      code: 'NS_IPMI_FRU',
      message: /does not hold/,
    },
  );
  await t.rejects(writeFruDevice(fruDevice(new Uint8Array(8)).carrier, 0, wanted, never), {
    code: 'NS_IPMI_FRU',
  });
});
