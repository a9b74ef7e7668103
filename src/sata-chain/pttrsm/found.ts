import { fromHex, isAllZero, toHex } from '../../base/index.ts';
import { LBA_LIMIT, MOST_UNITS } from '../ata/identify-words.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { mergeUnit } from '../ata/merge-identities.ts';
import type { BelowRecord, MemberRecord, UnitRecord } from '../unit/orders.ts';

/** Of the IDENTIFY answer at a port, what PTTRSM decides by. */
export interface Found {
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize: 512 | 4096;
  /** Units, this one included; 1 for a drive. */
  readonly units: number;
  /** Hexadecimal of ChainWords.membership; the same members in the same order, the same digest. */
  readonly membership: string;
  /** The chain that the unit below was enrolled in; undefined for a drive and a blank unit. */
  readonly chain: string | undefined;
  /** The membership that it had before the present one. */
  readonly before: string | undefined;
  /** An operator accepted what is there as the whole. */
  readonly degraded: boolean;
}

/** Undefined where the answer contradicts itself: whoever gave it is not to be trusted with data. */
export function foundIn(identity: DeviceIdentity): Found | undefined {
  const merged = mergeUnit(undefined, identity);
  const { serial, sectors, sectorSize } = identity;
  if (!merged.ok || !Number.isInteger(sectors) || sectors < 0 || sectors >= LBA_LIMIT) return undefined;
  if (identity.chain?.held === true) return undefined;
  const { membership } = merged.identity.chain;
  const units = identity.chain?.depth ?? 1;
  if (units < 1 || units > MOST_UNITS || (sectors > 0 && isAllZero(membership))) return undefined;
  const { degraded = false, chain, before } = identity.chain ?? {};
  return { serial, sectors, sectorSize, units, membership: toHex(membership), chain, before, degraded };
}

/** What a unit stands for towards the unit above: its own drive first, then what is below. */
export function standsFor(
  drive: Found | undefined,
  below: Found | undefined,
  own: {
    readonly chain: string | undefined;
    readonly degraded: boolean;
    readonly before?: string | undefined;
  },
): Found | undefined {
  const merged = mergeUnit(drive && identityOf(drive, false), below && identityOf(below, true));
  if (!merged.ok) return undefined;
  const { serial, sectors, sectorSize, chain } = merged.identity;
  const degraded = own.degraded || (below?.degraded ?? false);
  const membership = toHex(chain.membership);
  return {
    serial,
    sectors,
    sectorSize,
    units: chain.depth,
    membership,
    chain: own.chain,
    before: own.before,
    degraded,
  };
}

/** A drive as it is remembered. */
export function storedDrive(member: MemberRecord): Found {
  const nothing = { units: 1, membership: '', chain: undefined, before: undefined, degraded: false };
  return foundIn(identityOf({ ...member, ...nothing }, false)) ?? { ...member, ...nothing };
}

/** The units below as they are remembered. */
export const storedUnits = (member: BelowRecord, { chain }: UnitRecord): Found => ({
  serial: '',
  sectors: member.sectors,
  sectorSize: member.sectorSize ?? 512,
  units: member.units,
  membership: member.membership,
  chain,
  before: undefined,
  degraded: false,
});

/** The digest of what the record says that the unit stands for. */
export function storedMembership(record: UnitRecord): string | undefined {
  const { membership } = record;
  if (!membership) return undefined;
  const drive = membership.local ? storedDrive(membership.local) : undefined;
  const below = membership.below ? storedUnits(membership.below, record) : undefined;
  return standsFor(drive, below, { chain: undefined, degraded: false })?.membership;
}

/** As much of an identity as membership is made from, with no feature that a member might lack. `unit`: it has chain words. */
export function identityOf(found: Found, unit: boolean): DeviceIdentity {
  const { serial, sectors, sectorSize } = found;
  const chain = {
    depth: found.units,
    epoch: 0,
    membership: fromHex(found.membership),
    held: false,
    degraded: found.degraded,
  };
  return {
    serial,
    sectors,
    sectorSize,
    firmware: '',
    model: '',
    physicalSectorSize: sectorSize,
    features: { ncqDepth: 0, trim: false, fua: false, writeCache: false, smart: false },
    rotation: 0,
    generation: 3,
    ...(unit ? { chain } : {}),
  };
}
