import fc from 'fast-check';
import type { DeviceIdentity } from '../../../../src/sata-chain/index.ts';

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      maxLength,
    })
    .map((value) => value.trim());

export const driveIdentity = (sectorSize?: 512 | 4096): fc.Arbitrary<DeviceIdentity> =>
  fc.record({
    serial: text(20),
    firmware: text(8),
    model: text(40),
    sectors: fc.oneof(fc.nat(5), fc.nat(2 ** 30), fc.integer({ min: 0, max: 2 ** 44 })),
    sectorSize:
      sectorSize === undefined ? fc.constantFrom(512 as const, 4096 as const) : fc.constant(sectorSize),
    physicalSectorSize: fc.constantFrom(4096, 8192),
    features: fc.record({
      ncqDepth: fc.integer({ min: 0, max: 32 }),
      trim: fc.boolean(),
      fua: fc.boolean(),
      writeCache: fc.boolean(),
      smart: fc.boolean(),
    }),
    rotation: fc.constantFrom(0, 1, 5400, 7200, 10_000),
    generation: fc.constantFrom(1 as const, 2 as const, 3 as const),
  });

export const anIdentity: fc.Arbitrary<DeviceIdentity> = fc
  .tuple(
    driveIdentity(),
    fc.option(
      fc.record({
        depth: fc.integer({ min: 1, max: 20_000 }),
        epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
        membership: fc.uint8Array({ minLength: 8, maxLength: 8 }),
        held: fc.boolean(),
        degraded: fc.boolean(),
      }),
      { nil: undefined },
    ),
  )
  .map(([drive, chain]) => (chain === undefined ? drive : { ...drive, chain }));
