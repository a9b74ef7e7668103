import { createHash } from 'node:crypto';
import { isAllZero, toHex, utf8 } from '../../base/index.ts';
import { LBA_LIMIT, MOST_UNITS } from './identify-words.ts';
import type { ChainWords, DeviceIdentity } from './identity.ts';

/** Why members cannot stand for one disk. */
export type MergeFault = 'sector-size' | 'too-many-sectors' | 'too-many-units' | 'contradiction';

export type Merge =
  | { readonly ok: true; readonly identity: DeviceIdentity & { readonly chain: ChainWords } }
  | { readonly ok: false; readonly fault: MergeFault; readonly sentence: string };

/** What a unit says of itself in the phantom, rather than of its members. */
export interface MergeOptions {
  readonly epoch?: number;
  readonly held?: boolean;
  readonly degraded?: boolean;
  /** The chain that this unit was enrolled in. */
  readonly chain?: string;
  /** See ChainWords. */
  readonly before?: string;
  /** Highest generation of this unit's own PTI; 3 by default. */
  readonly generation?: 1 | 2 | 3;
  readonly model?: string;
  readonly firmware?: string;
}

const NO_MEMBERS = new Uint8Array(8);

/**
 * The one disk that a unit stands for: its own drive first, then whatever the device at its PTO presents. Merging unit by
 * unit from the tail up gives what merging all drives at once would.
 *
 * - Sectors add up; the sum stays below 2^48. Sector sizes must be equal; the larger physical sector is reported.
 * - A feature is there if all members have it; the queue is as deep as the shallowest. The write cache is there if any
 *   member has one, for a host must then flush.
 * - Solid state only if all are; else the slowest known rate; unknown where any is unknown.
 * - Membership is SHA-256 over the local drive's serial and sizes and the membership below, cut to 8 bytes; all zero
 *   without any drive. A unit without a drive leaves it as it is. The serial is made from it, so it changes when the
 *   members or their order do. It tells accidents, not attackers, apart.
 * - A drive plugged in where a unit below belongs counts as a unit with that drive; chain words of a local drive are
 *   ignored.
 */
export function mergeUnit(
  local: DeviceIdentity | undefined,
  below: DeviceIdentity | undefined,
  options: MergeOptions = {},
): Merge {
  const rest = below === undefined || below.chain !== undefined ? below : asUnit(below);
  const chainBelow = rest?.chain;
  const membershipBelow = chainBelow?.membership ?? NO_MEMBERS;
  const depth = 1 + (chainBelow?.depth ?? 0);
  if (depth > MOST_UNITS) return fault('too-many-units', `the chain is longer than ${MOST_UNITS} units`);
  if (rest !== undefined && isAllZero(membershipBelow) && rest.sectors > 0) {
    return fault('contradiction', 'what is below claims sectors and no drive to hold them');
  }
  const populated = rest !== undefined && !isAllZero(membershipBelow) ? rest : undefined;
  const members = [local, populated].filter((member) => member !== undefined);
  const sectors = members.reduce((sum, member) => sum + member.sectors, 0);
  if (sectors >= LBA_LIMIT)
    return fault('too-many-sectors', `${sectors} sectors do not fit 48-bit addresses`);
  const sectorSize = members[0]?.sectorSize ?? 512;
  if (members.some((member) => member.sectorSize !== sectorSize)) {
    return fault('sector-size', 'the members have sectors of 512 and of 4096 bytes');
  }
  const membership = local === undefined ? membershipBelow : digest(local, membershipBelow);
  const any = members.length > 0;
  const all = (has: (member: DeviceIdentity) => boolean): boolean => any && members.every(has);
  return {
    ok: true,
    identity: {
      serial: `NS${toHex(membership).toUpperCase()}`,
      firmware: options.firmware ?? 'NS1',
      model: options.model ?? 'NIGHTSHIFT CHAIN',
      sectors,
      sectorSize,
      physicalSectorSize: members.reduce<number>(
        (most, member) => Math.max(most, member.physicalSectorSize),
        sectorSize,
      ),
      features: {
        ncqDepth: any ? Math.min(...members.map((member) => member.features.ncqDepth)) : 0,
        trim: all((member) => member.features.trim),
        fua: all((member) => member.features.fua),
        writeCache: members.some((member) => member.features.writeCache),
        smart: all((member) => member.features.smart),
      },
      rotation: members.map((member) => member.rotation).reduce(slower, any ? 1 : 0),
      generation: options.generation ?? 3,
      chain: {
        depth,
        epoch: options.epoch ?? 0,
        membership,
        held: (options.held ?? false) || (chainBelow?.held ?? false),
        degraded: (options.degraded ?? false) || (chainBelow?.degraded ?? false),
        ...(options.chain === undefined ? {} : { chain: options.chain }),
        ...(options.before === undefined ? {} : { before: options.before }),
      },
    },
  };
}

function asUnit(drive: DeviceIdentity): DeviceIdentity {
  const chain = { depth: 1, epoch: 0, membership: digest(drive, NO_MEMBERS), held: false, degraded: false };
  return { ...drive, chain };
}

function digest(drive: DeviceIdentity, below: Uint8Array): Uint8Array {
  const fixed = new DataView(new ArrayBuffer(16));
  fixed.setUint32(0, drive.serial.length, true);
  fixed.setUint32(4, drive.sectorSize, true);
  fixed.setBigUint64(8, BigInt(drive.sectors), true);
  const hash = createHash('sha256');
  hash.update('nightshift chain membership 1\n').update(new Uint8Array(fixed.buffer));
  hash.update(utf8(drive.serial)).update(below);
  return new Uint8Array(hash.digest().subarray(0, 8));
}

/** Of two rotation rates (word 217) the one that is true of both: 1 is the fastest, 0 says nothing. */
const slower = (a: number, b: number): number => (a === 1 ? b : b === 1 ? a : Math.min(a, b));

const fault = (kind: MergeFault, sentence: string): Merge => ({ ok: false, fault: kind, sentence });
