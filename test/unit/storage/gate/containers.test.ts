import fc from 'fast-check';
import t from 'tap';
import { MiB, NsError } from '../../../../src/base/index.ts';
import { probeDisk } from '../../../../src/storage/index.ts';
import { LVM_ID, lvmText, lvmVolume, type MdImage, writeMd } from '../../../kit/container-images.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { patchedDevice } from '../../../kit/patched-device.ts';

const probe = (image: Uint8Array) => probeDisk(new MemoryDevice('disk0', image));

await t.test('LVM2 is named by its group, with its logical volumes', async (t) => {
  const found = await probe(lvmVolume({ size: 8 * MiB, text: lvmText({ root: 40, swap: 20, home: 0 }) }));
  t.match(found.volumes, [
    {
      type: 'lvm2',
      label: 'night',
      uuid: LVM_ID,
      readRefusal: { code: 'VOLUME_UNSUPPORTED' },
      notes: [
        /^volume group "night" on this physical volume: root 2\.5 MiB linear, swap 1\.3 MiB linear, home 0 B linear$/,
      ],
    },
  ]);
  t.match(found.hibernation, [{ finding: 'hidden', what: /night/ }]);
});

await t.test(
  'its text may run round the end of its ring, and other layouts are not called linear',
  async (t) => {
    const [text, thin] = [lvmText({ root: 40 }), lvmText({ pool: 40 }, 'thin-pool')];
    for (const at of [512, 8192, 16_384 - 100, 16_384 - 1]) {
      t.match(
        (await probe(lvmVolume({ size: 8 * MiB, text, at }))).volumes[0]?.notes,
        [/root 2\.5 MiB linear/],
        `${at}`,
      );
    }
    t.match((await probe(lvmVolume({ size: 8 * MiB, text: thin }))).volumes[0]?.notes, [
      /pool 2\.5 MiB thin-pool/,
    ]);
  },
);

await t.test('a Linux that hibernated into a linear logical volume is found out', async (t) => {
  const image = lvmVolume({ size: 8 * MiB, text: lvmText({ root: 40, swap: 20 }) });
  const swapAt = MiB + 40 * 65_536;
  image.set(Buffer.from('S1SUSPEND'), swapAt + 4086);
  t.match((await probe(image)).hibernation, [
    { finding: 'hibernated', what: 'hibernated swap in night/swap (S1SUSPEND at 4086)' },
    { finding: 'hidden' },
  ]);
  // As a byte of a file in another volume it is none.
  image.copyWithin(swapAt + 8192, swapAt, swapAt + 4096);
  image.fill(0, swapAt, swapAt + 4096);
  t.match((await probe(image)).hibernation, [{ finding: 'hidden' }]);
});

await t.test(
  'text that is not whole, or no text, or without end, leaves a physical volume with that said',
  async (t) => {
    const texts = [
      '',
      'night {',
      'night { extent_size = 1 }}',
      '}',
      '= = =',
      'night { a { b { c { d { e { f { g { h { i { } } } } } } } } } }',
    ];
    for (const text of [...texts, 'x = "'.padEnd(12_000, '\\\\')]) {
      const [volume] = (await probe(lvmVolume({ size: 8 * MiB, text }))).volumes;
      t.match(volume, { type: 'lvm2', label: '', notes: [/not whole/] }, text.slice(0, 40));
    }
    const flipped = lvmVolume({ size: 8 * MiB, text: lvmText({ root: 40 }) });
    flipped[4096 + 600]! ^= 1;
    t.match((await probe(flipped)).volumes, [{ type: 'lvm2', notes: [/not whole/] }]);
  },
);

await t.test('members of a software RAID tell level, role and the identity of their array', async (t) => {
  const cases: readonly [MdImage, string, RegExp][] = [
    [{ version: '0.90', level: 5, disks: 3, role: 2 }, '', /^member 2 of 3 of the raid5 \(metadata 0\.90\)$/],
    [
      { version: '1.0', level: 1, disks: 2, role: 1 },
      'rack1:data',
      /^member 1 of 2 of the raid1 "rack1:data" \(metadata 1\.0\)$/,
    ],
    [
      { version: '1.1', level: 10, disks: 4, role: 0 },
      'rack1:data',
      /^member 0 of 4 of the raid10 .*1\.1\)$/,
    ],
    [{ version: '1.2', level: -1, disks: 2, role: 0xffff }, 'rack1:data', /^a spare of the linear .*1\.2\)$/],
    [{ version: '1.2', level: 99, disks: 2, role: 7 }, 'rack1:data', /^a part of the array .*1\.2\)$/],
  ];
  for (const [md, label, note] of cases) {
    const image = new Uint8Array(4 * MiB + 5 * 512);
    writeMd(image, md);
    const { volumes, hibernation } = await probe(image);
    t.match(volumes, [
      {
        type: 'md',
        label,
        uuid: '11223344:55667788:99aabbcc:ddeeff00',
        notes: [note],
        readRefusal: { code: 'VOLUME_UNSUPPORTED' },
      },
    ]);
    t.match(hibernation, [{ finding: 'hidden' }]);
  }
});

await t.test('BitLocker To Go is no FAT, and LUKS2 is known by its second header', async (t) => {
  const toGo = Buffer.alloc(2 * MiB);
  toGo.write('\xeb\x58\x90MSWIN4.1', 0, 'latin1');
  toGo.write('FAT32   ', 82, 'latin1');
  toGo.set(Buffer.from('3bd66749292ed84a8399f6a339e3d001', 'hex'), 0x1a8);
  toGo.writeUInt16LE(0xaa55, 510);
  t.match((await probe(toGo)).volumes, [
    { type: 'bitlocker', readRefusal: { code: 'VOLUME_ENCRYPTED', sentence: /To Go/ } },
  ]);
  for (const at of [0x4000, 0x40_000, 0x400_000]) {
    const luks = Buffer.alloc(5 * MiB);
    luks.write('SKUL\xba\xbe\0\x02', at, 'latin1');
    luks.write('vault', at + 24, 'latin1');
    luks.write('6a179bbe-5b25-48c7-b6f6-d0cd27189771', at + 168, 'latin1');
    t.match((await probe(luks)).volumes, [{ type: 'unknown' }], 'in a place that is not its own');
    luks.writeBigUInt64BE(BigInt(at), at + 256);
    t.match((await probe(luks)).volumes, [
      {
        type: 'luks',
        label: 'vault',
        uuid: '6a179bbe-5b25-48c7-b6f6-d0cd27189771',
        readRefusal: { code: 'VOLUME_ENCRYPTED' },
        notes: [/second one/],
      },
    ]);
  }
});

await t.test('wherever the bytes of a container are altered, it is named, and reading ends', async () => {
  const md = new Uint8Array(2 * MiB);
  writeMd(md, { version: '1.2', level: 1, disks: 2, role: 1 });
  const images = [lvmVolume({ size: 2 * MiB, text: lvmText({ root: 4, swap: 2 }) }), md];
  const place = fc.oneof(fc.integer({ min: 512, max: 1024 }), fc.integer({ min: 4096, max: 6000 }));
  const hit = fc.record({ at: place, value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)) });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...images),
      fc.array(hit, { minLength: 1, maxLength: 6 }),
      async (image, hits) => {
        await probeDisk(patchedDevice(image, hits, 500));
      },
    ),
    { numRuns: 300 },
  );
});

await t.test('sectors that cannot be read close one volume, and all writing', async (t) => {
  const device = new MemoryDevice('disk0', 4 * MiB);
  const read = device.read.bind(device);
  device.read = (offset, into, signal) =>
    into.byteLength > 4096
      ? Promise.reject(new NsError('NS_BLOCK_IO', 'bad sector'))
      : read(offset, into, signal);
  t.match(await probeDisk(device), {
    volumes: [{ name: 'disk0', readRefusal: { code: 'DISK_UNREADABLE' } }],
    hibernation: [{ finding: 'unknown' }],
  });
});
