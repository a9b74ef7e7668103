import fc from 'fast-check';
import t from 'tap';
import { NsError, toHex } from '../../../../src/base/index.ts';
import { inheritedSecurity } from '../../../../src/storage/ntfs/inherit-security.ts';

const SYSTEM = '010100000000000512000000';
const ADMINISTRATORS = '01020000000000052000000020020000';
const CREATOR_OWNER = '010100000000000300000000';
const EVERYBODY = '010100000000000100000000';

const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer).toString('hex');
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
const ace = (flags: number, mask: number, sid: string, type = 0): string =>
  `${toHex(Uint8Array.of(type, flags))}${u16(8 + sid.length / 2)}${u32(mask)}${sid}`;
const acl = (...aces: string[]): string =>
  `0200${u16(8 + aces.join('').length / 2)}${u16(aces.length)}0000${aces.join('')}`;
const descriptor = (dacl: string): Uint8Array =>
  Buffer.from(
    `01000480${u32(20 + dacl.length / 2)}${u32(32 + dacl.length / 2)}${u32(0)}${u32(20)}${dacl}${SYSTEM}${SYSTEM}`,
    'hex',
  );

/** The access list of a descriptor, as hexadecimal. */
function daclOf(bytes: Uint8Array): string {
  const at = Buffer.from(bytes).readUInt32LE(16);
  return toHex(bytes.subarray(at, at + Buffer.from(bytes).readUInt16LE(at + 2)));
}

const INHERITED = 0x10;

await t.test('a file gets what is passed on to files, and takes effect at once', async (t) => {
  const parent = descriptor(
    acl(
      ace(3, 0x1f01ff, SYSTEM),
      ace(2, 0x1200a9, EVERYBODY),
      ace(0x0b, 0x10000000, CREATOR_OWNER),
      ace(9, 0x80000000, EVERYBODY),
    ),
  );
  t.equal(
    daclOf(inheritedSecurity(parent, false)),
    acl(
      ace(INHERITED, 0x1f01ff, SYSTEM),
      ace(INHERITED, 0x1f01ff, ADMINISTRATORS),
      ace(INHERITED, 0x120089, EVERYBODY),
    ),
  );
});

await t.test(
  'a directory passes on what it got, and what is meant for files alone goes through it',
  async (t) => {
    const parent = descriptor(
      acl(
        ace(3, 0x1f01ff, SYSTEM),
        ace(9, 0x1200a9, EVERYBODY),
        ace(0x0b, 0x10000000, CREATOR_OWNER),
        ace(7, 1, EVERYBODY),
      ),
    );
    t.equal(
      daclOf(inheritedSecurity(parent, true)),
      acl(
        ace(3 | INHERITED, 0x1f01ff, SYSTEM),
        ace(9 | INHERITED, 0x1200a9, EVERYBODY),
        ace(INHERITED, 0x1f01ff, ADMINISTRATORS),
        ace(0x0b | INHERITED, 0x10000000, CREATOR_OWNER),
        ace(INHERITED, 1, EVERYBODY),
      ),
    );
  },
);

await t.test('where nothing is passed on, SYSTEM and administrators have it, and nobody else', async (t) => {
  const own = acl(ace(0, 0x1f01ff, SYSTEM), ace(0, 0x1f01ff, ADMINISTRATORS));
  t.equal(daclOf(inheritedSecurity(undefined, false)), own);
  t.equal(daclOf(inheritedSecurity(descriptor(acl(ace(0, 0x1f01ff, EVERYBODY))), false)), own);
});

await t.test('a descriptor that makes no sense is refused as damage, whatever it holds', async (t) => {
  const sound = descriptor(acl(ace(3, 0x1f01ff, SYSTEM), ace(0x0b, 0x10000000, CREATOR_OWNER)));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(sound.byteLength - 1), fc.nat(255)), { maxLength: 6 }),
      (changes) => {
        const bytes = sound.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const made = inheritedSecurity(bytes, true);
          return made.byteLength <= 65_535;
        } catch (error) {
          return error instanceof NsError && error.family === 'peer';
        }
      },
    ),
    { seed: 6 },
  );
  t.pass('never anything else');
});
