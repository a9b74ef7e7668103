import fc from 'fast-check';
import t from 'tap';
import { fromHex, NsError, toHex } from '../../../../src/base/index.ts';
import { decodeFis, encodeFis, type Fis } from '../../../../src/sata-chain/index.ts';

const byte = fc.nat(255);
const word = fc.nat(0xffff);
const dword = fc.integer({ min: 0, max: 0xffff_ffff });
const port = fc.nat(15);
const flag = fc.boolean();
const registers = {
  lba: fc.oneof(fc.nat(0xffff), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
  device: byte,
  count: word,
};
const aFis: fc.Arbitrary<Fis> = fc.oneof(
  fc.record({
    type: fc.constant('register-h2d' as const),
    port,
    isCommand: flag,
    command: byte,
    features: word,
    ...registers,
    icc: byte,
    control: byte,
    auxiliary: dword,
  }),
  fc.record({
    type: fc.constant('register-d2h' as const),
    port,
    interrupt: flag,
    status: byte,
    error: byte,
    ...registers,
    echo: dword,
  }),
  fc.record({
    type: fc.constant('set-device-bits' as const),
    port,
    interrupt: flag,
    notification: flag,
    status: byte.map((value) => value & 0x77),
    error: byte,
    active: dword,
  }),
  fc.record({ type: fc.constant('dma-activate' as const), port }),
  fc.record({
    type: fc.constant('dma-setup' as const),
    port,
    toHost: flag,
    interrupt: flag,
    autoActivate: flag,
    bufferLow: dword,
    bufferHigh: dword,
    offset: fc.nat(0x3fff_ffff).map((n) => n * 4),
    count: fc.nat(0x7fff_ffff).map((n) => n * 2),
  }),
  fc.record({
    type: fc.constant('data' as const),
    port,
    payload: fc.integer({ min: 1, max: 2048 }).map((n) => new Uint8Array(n * 4).fill(n)),
  }),
  fc.record({
    type: fc.constant('pio-setup' as const),
    port,
    toHost: flag,
    interrupt: flag,
    status: byte,
    error: byte,
    ...registers,
    endStatus: byte,
    transferCount: fc.nat(0x7fff).map((n) => n * 2),
  }),
  fc.record({ type: fc.constant('bist-activate' as const), port }),
);

await t.test('the fields are where SATA puts them', async (t) => {
  const lba = 0x665544332211;
  const cases: [Fis, string][] = [
    [
      {
        type: 'register-h2d',
        port: 3,
        isCommand: true,
        command: 0x25,
        features: 0xbbaa,
        lba,
        device: 0x40,
        count: 0xddcc,
        icc: 0x77,
        control: 0x08,
        auxiliary: 0x04030201,
      },
      '278325aa 11223340 445566bb ccdd7708 01020304',
    ],
    [
      {
        type: 'register-d2h',
        port: 1,
        interrupt: true,
        status: 0x51,
        error: 0x40,
        lba,
        device: 0xe0,
        count: 0x0201,
        echo: 0,
      },
      '34415140 112233e0 44556600 01020000 00000000',
    ],
    [
      {
        type: 'set-device-bits',
        port: 0,
        interrupt: true,
        notification: true,
        status: 0x41,
        error: 0x40,
        active: 0x8000_0001,
      },
      'a1c04140 01000080',
    ],
    [{ type: 'dma-activate', port: 2 }, '39020000'],
    [
      {
        type: 'dma-setup',
        port: 0,
        toHost: true,
        interrupt: false,
        autoActivate: false,
        bufferLow: 31,
        bufferHigh: 0,
        offset: 8192,
        count: 512,
      },
      '41200000 1f000000 00000000 00000000 00200000 00020000 00000000',
    ],
    [
      {
        type: 'dma-setup',
        port: 0,
        toHost: false,
        interrupt: true,
        autoActivate: true,
        bufferLow: 1,
        bufferHigh: 2,
        offset: 0,
        count: 2,
      },
      '41c00000 01000000 02000000 00000000 00000000 02000000 00000000',
    ],
    [{ type: 'data', port: 0, payload: Uint8Array.of(1, 2, 3, 4) }, '46000000 01020304'],
    [
      {
        type: 'pio-setup',
        port: 0,
        toHost: true,
        interrupt: true,
        status: 0x58,
        error: 0,
        lba: 1,
        device: 0,
        count: 0,
        endStatus: 0x50,
        transferCount: 512,
      },
      '5f605800 01000000 00000000 00000050 00020000',
    ],
    [{ type: 'bist-activate', port: 0 }, '58000000 00000000 00000000'],
  ];
  for (const [fis, hex] of cases) {
    const bytes = fromHex(hex.replaceAll(' ', ''));
    t.equal(toHex(encodeFis(fis)), toHex(bytes), fis.type);
    t.same(decodeFis(bytes), fis);
  }
});

await t.test('what is encoded is decoded', async () => {
  fc.assert(
    fc.property(aFis, (fis) => {
      const back = decodeFis(encodeFis(fis));
      if (
        JSON.stringify(back, Object.keys(fis).toSorted()) !== JSON.stringify(fis, Object.keys(fis).toSorted())
      ) {
        throw new Error(`${JSON.stringify(back)} of ${JSON.stringify(fis)}`);
      }
      if (toHex(encodeFis(back)) !== toHex(encodeFis(fis))) throw new Error('other bytes');
    }),
    { numRuns: 2000 },
  );
});

await t.test('too short, too long, unknown or torn is NS_FIS; junk is never anything else', async (t) => {
  for (const hex of [
    '',
    '27',
    '2780',
    '278025',
    'ff000000',
    '00000000',
    '46000000',
    '4600000001',
    '460000000102030405',
  ]) {
    t.throws(() => decodeFis(fromHex(hex)), { code: 'NS_FIS' }, hex);
  }
  t.throws(() => decodeFis(new Uint8Array(8200).fill(0x46)), { code: 'NS_FIS' });
  const anyLength = fc.tuple(aFis, fc.integer({ min: -6, max: 6 })).map(([fis, change]) => {
    const bytes = encodeFis(fis);
    const out = new Uint8Array(Math.max(0, bytes.byteLength + change));
    out.set(bytes.subarray(0, out.byteLength));
    return out;
  });
  const typed = fc
    .tuple(fc.constantFrom(0x27, 0x34, 0x39, 0x41, 0x46, 0x58, 0x5f, 0xa1), fc.uint8Array({ maxLength: 40 }))
    .map(([type, rest]) => Uint8Array.of(type, ...rest));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), typed, anyLength), (bytes) => {
      try {
        encodeFis(decodeFis(bytes));
      } catch (error) {
        if (!(error instanceof NsError && error.code === 'NS_FIS')) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

await t.test('a field that does not fit is not encoded', async (t) => {
  const setup: Fis = decodeFis(fromHex('41200000000000000000000000000000000000000002000000000000'));
  if (setup.type !== 'dma-setup') throw new Error('not a DMA setup');
  for (const broken of [
    { ...setup, offset: 2 },
    { ...setup, count: 1 },
    { ...setup, bufferLow: 2 ** 32 },
    { ...setup, port: 16 },
    { type: 'data', port: 0, payload: new Uint8Array(0) } as const,
    { type: 'data', port: 0, payload: new Uint8Array(6) } as const,
    { type: 'data', port: 0, payload: new Uint8Array(8196) } as const,
  ]) {
    t.throws(() => encodeFis(broken), { code: 'NS_FIS_FIELD' });
  }
});
