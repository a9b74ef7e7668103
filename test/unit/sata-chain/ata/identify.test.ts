import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../../src/base/index.ts';
import { type DeviceIdentity, decodeIdentity, encodeIdentity } from '../../../../src/sata-chain/index.ts';
import { anIdentity } from './identities.ts';

const disk: DeviceIdentity = {
  serial: 'WD-1234',
  firmware: '01.01A01',
  model: 'WDC WD40EFRX-68N32N0',
  sectors: 7_814_079_504,
  sectorSize: 512,
  physicalSectorSize: 4096,
  features: { ncqDepth: 32, trim: true, fua: true, writeCache: true, smart: true },
  rotation: 5400,
  generation: 3,
};
const words = (bytes: Uint8Array): ((word: number) => number) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return (word) => view.getUint16(word * 2, true);
};

await t.test('the words are where ACS and SATA put them', async (t) => {
  const bytes = encodeIdentity(disk, 2);
  const word = words(bytes);
  t.equal(bytes.byteLength, 512);
  t.equal(word(0) & 0x8000, 0, 'an ATA device');
  t.equal(
    Buffer.from(bytes.subarray(20, 40)).toString('latin1'),
    'DW1-32 4            '.padEnd(20),
    'byte-swapped',
  );
  t.equal(Buffer.from(bytes.subarray(46, 54)).toString('latin1'), '100.A110');
  t.equal(word(49) & 0x0300, 0x0300, 'LBA and DMA');
  t.same([word(60), word(61)], [0xffff, 0x0fff], '28-bit sectors saturated');
  t.same([word(100), word(101), word(102), word(103)], [0x6410, 0xd1c1, 1, 0]);
  t.equal(word(75), 31);
  t.equal(word(76) & 0x010f, 0x010e, 'NCQ, three generations, bit 0 clear');
  t.equal(word(77), 2 << 1);
  t.equal(word(82) & 0x0429, 0x0029, 'SMART, power management, write cache, no HPA');
  t.equal(word(82) & 0x0002, 0, 'no security');
  t.equal(word(83) & 0xf400, 0x7400, '48-bit addresses and both flushes');
  t.equal(word(84) & 0xc060, 0x4060, 'FUA and logs');
  t.equal(word(86) & 0x3400, 0x3400);
  t.equal(word(106), 0x6003, 'eight logical sectors in a physical one');
  t.equal(word(169), 1);
  t.equal(word(217), 5400);
  t.equal(word(255) & 0xff, 0xa5);
  t.equal(bytes.reduce((sum, byte) => sum + byte, 0) & 0xff, 0, 'the sum of all bytes');
  const large = words(encodeIdentity({ ...disk, sectorSize: 4096 }));
  t.same([large(106), large(117), large(118)], [0x5000, 2048, 0]);
  const small = words(
    encodeIdentity({ ...disk, sectors: 1000, features: { ...disk.features, ncqDepth: 0 } }),
  );
  t.same([small(60), small(61), small(76) & 0x0100, small(75)], [1000, 0, 0, 0]);
});

await t.test('what is encoded is decoded', async () => {
  fc.assert(
    fc.property(anIdentity, (identity) => {
      const back = decodeIdentity(encodeIdentity(identity));
      if (JSON.stringify(back) !== JSON.stringify(identity)) throw new Error(JSON.stringify(back));
    }),
    { numRuns: 500 },
  );
});

await t.test('an identity beyond its bounds is not encoded', async (t) => {
  for (const broken of [
    { serial: '012345678901234567890' },
    { serial: 'ä' },
    { model: ' x' },
    { firmware: '123456789' },
    { sectors: 2 ** 48 },
    { sectors: -1 },
    { physicalSectorSize: 512 * 3 },
    { physicalSectorSize: 256 },
    { rotation: 2 },
    { features: { ...disk.features, ncqDepth: 33 } },
    { chain: { depth: 0, epoch: 0, membership: new Uint8Array(8), held: false, degraded: false } },
    { chain: { depth: 1, epoch: 0, membership: new Uint8Array(7), held: false, degraded: false } },
  ]) {
    t.throws(
      () => encodeIdentity({ ...disk, ...broken }),
      { code: 'NS_ATA_IDENTITY' },
      JSON.stringify(broken),
    );
  }
});

await t.test('one flipped bit is seen; a device without a checksum is read all the same', async (t) => {
  const bytes = encodeIdentity(disk);
  for (const at of [20, 120, 200, 258, 511]) {
    const flipped = Uint8Array.from(bytes);
    flipped[at]! ^= 0x10;
    t.throws(() => decodeIdentity(flipped), { code: 'NS_ATA_IDENTIFY' });
  }
  const plain = Uint8Array.from(bytes);
  plain[510] = 0;
  plain[511] = 0x77;
  t.same(decodeIdentity(plain), disk);
});

await t.test('sizes and kinds that cannot be are refused', async (t) => {
  const changed = (change: (view: DataView) => void): Uint8Array => {
    const bytes = encodeIdentity({ ...disk, sectorSize: 4096 });
    const view = new DataView(bytes.buffer);
    view.setUint16(510, 0, true);
    change(view);
    return bytes;
  };
  const refused: [string, (view: DataView) => void][] = [
    ['an ATAPI device', (view) => view.setUint16(0, 0x8580, true)],
    ['520-byte sectors', (view) => view.setUint32(234, 260, true)],
    ['empty sectors', (view) => view.setUint32(234, 0, true)],
    ['2^48 sectors', (view) => view.setUint16(206, 1, true)],
  ];
  for (const [what, change] of refused) {
    t.throws(() => decodeIdentity(changed(change)), { code: 'NS_ATA_IDENTIFY' }, what);
  }
  for (const length of [0, 1, 511, 513]) {
    t.throws(() => decodeIdentity(new Uint8Array(length)), { code: 'NS_ATA_IDENTIFY' });
  }
  const old = changed((view) => view.setUint16(166, 0x4000, true));
  t.equal(decodeIdentity(old).sectors, 0x0fff_ffff, 'without 48-bit addresses words 60-61 count');
  const junkText = changed((view) => view.setUint16(20, 0x01ff, true));
  t.equal(decodeIdentity(junkText).serial, '??-1234');
});

await t.test('junk is decoded to a sane identity or refused with one code', async () => {
  const sane = (identity: DeviceIdentity): boolean =>
    identity.sectors < 2 ** 48 &&
    (identity.sectorSize === 512 || identity.sectorSize === 4096) &&
    identity.features.ncqDepth <= 32 &&
    encodeIdentity(identity).byteLength === 512;
  const patch = fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 40 });
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 512, maxLength: 512 }),
      patch,
      fc.boolean(),
      (junk, patches, mostlyReal) => {
        const bytes = mostlyReal ? encodeIdentity(disk) : junk;
        for (const [at, value] of patches) bytes[at] = value;
        bytes[510] = 0;
        try {
          if (!sane(decodeIdentity(bytes))) throw new Error('not sane');
        } catch (error) {
          if (!(error instanceof NsError && error.code === 'NS_ATA_IDENTIFY')) throw error;
        }
      },
    ),
    { numRuns: 1000 },
  );
});
