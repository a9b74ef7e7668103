import { LBA_LIMIT, MOST_UNITS } from '../ata/identify-words.ts';
import type { UnitRecord } from '../unit/orders.ts';
import { storedMembership } from './found.ts';
import { foundAt, type Side } from './side.ts';

/** Why what is there may not be presented, and no wait will change it. */
export type ChainFault =
  | 'other-drive'
  | 'drive-size'
  | 'sector-size'
  | 'drive-inserted'
  | 'chain-shrunk'
  | 'order-changed'
  | 'foreign-chain'
  | 'too-many-sectors'
  | 'too-many-units';

export const FAULT_SENTENCE: Readonly<Record<ChainFault, string>> = {
  'other-drive': 'the drive of this unit is another one than before',
  'drive-size': 'the drive of this unit says another size than before',
  'sector-size': 'members have sectors of different sizes',
  'drive-inserted':
    'a drive was put into a place that was empty, in front of others: all blocks behind it would move',
  'chain-shrunk': 'the units below present less than before, and no operator agreed to it',
  'order-changed': 'the units or drives below are others than before, or in another order',
  'foreign-chain': 'the unit below belongs to another chain',
  'too-many-sectors': 'all members together do not fit 48-bit addresses',
  'too-many-units': 'the chain is longer than the protocol can say',
};

/** What an operator may accept by go-degraded. The others would never work, or steal from another chain. */
export const ACCEPTABLE: ReadonlySet<ChainFault> = new Set([
  'other-drive',
  'drive-size',
  'drive-inserted',
  'chain-shrunk',
  'order-changed',
]);

export type Judgement =
  | { readonly is: 'same' | 'new' }
  | { readonly is: 'missing'; readonly where: 'local' | 'below' }
  | { readonly is: 'fault'; readonly fault: ChainFault };

/**
 * May what was found be presented, given what was stored when all members were last known? Both sides are settled.
 * `new` is to be stored first: a first start, growth at the tail, or what an operator agreed to further down.
 */
export function judge(record: UnitRecord, local: Side, below: Side): Judgement {
  const drive = foundAt(local);
  const rest = foundAt(below);
  const stored = record.membership;
  const fault = (kind: ChainFault): Judgement => ({ is: 'fault', fault: kind });

  if (rest?.chain !== undefined && record.chain !== undefined && rest.chain !== record.chain) {
    return fault('foreign-chain');
  }
  if (drive && rest && rest.sectors > 0 && drive.sectorSize !== rest.sectorSize) return fault('sector-size');
  if ((drive?.sectors ?? 0) + (rest?.sectors ?? 0) >= LBA_LIMIT) return fault('too-many-sectors');
  if (1 + (rest?.units ?? 0) > MOST_UNITS) return fault('too-many-units');

  if (!stored) {
    if (local.is === 'failed') return { is: 'missing', where: 'local' };
    if (below.is === 'failed') return { is: 'missing', where: 'below' };
    return { is: 'new' };
  }
  const before = stored.local;
  if (drive && before) {
    if (drive.serial !== before.serial) return fault('other-drive');
    if (drive.sectorSize !== before.sectorSize) return fault('sector-size');
    if (drive.sectors !== before.sectors) return fault('drive-size');
  }
  if (drive && !before && (stored.below?.sectors ?? 0) > 0) return fault('drive-inserted');

  const same =
    rest !== undefined &&
    stored.below !== null &&
    rest.units === stored.below.units &&
    rest.sectors === stored.below.sectors &&
    rest.membership === stored.below.membership;
  // A digest cannot show that what is new is behind what was there; the unit below says what it went on from.
  if (rest && stored.below && !same && rest.before !== stored.below.membership) {
    const less = rest.units < stored.below.units || rest.sectors < stored.below.sectors;
    return fault(less ? 'chain-shrunk' : 'order-changed');
  }
  if (before && !drive) return { is: 'missing', where: 'local' };
  if (stored.below && !rest) return { is: 'missing', where: 'below' };
  return (before !== null) === (drive !== undefined) && (same || (!rest && !stored.below))
    ? { is: 'same' }
    : { is: 'new' };
}

/** The record once what is there has been accepted; the very same where it says so already. */
export function enrolled(record: UnitRecord, local: Side, below: Side): UnitRecord {
  const drive = foundAt(local);
  const rest = foundAt(below) ?? null;
  const stored = record.keepsPlaces ? record.membership : undefined;
  const chain = record.chain ?? rest?.chain;
  const membership = {
    local: drive
      ? { serial: drive.serial, sectors: drive.sectors, sectorSize: drive.sectorSize }
      : (stored?.local ?? null),
    below: rest
      ? {
          units: rest.units,
          sectors: rest.sectors,
          sectorSize: rest.sectorSize,
          membership: rest.membership,
        }
      : (stored?.below ?? null),
  };
  if (record.membership && sameMembers(record.membership, membership)) return record;
  const past = storedMembership(record);
  return {
    ...record,
    ...(chain === undefined ? {} : { chain }),
    ...(past === undefined ? {} : { before: past }),
    membership,
  };
}

type Membership = NonNullable<UnitRecord['membership']>;

function sameMembers(a: Membership, b: Membership): boolean {
  return (
    a.local?.serial === b.local?.serial &&
    a.local?.sectors === b.local?.sectors &&
    a.local?.sectorSize === b.local?.sectorSize &&
    a.below?.units === b.below?.units &&
    a.below?.sectors === b.below?.sectors &&
    a.below?.membership === b.below?.membership
  );
}
