import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { StateStore } from '../../ports/index.ts';
import type { SataTarget } from '../target.ts';
import type { Scheduler } from '../time.ts';
import { ArrayCore, type ArrayLimits, DEFAULT_LIMITS, type RawChain } from './array-core.ts';
import type { ArrayEvent } from './array-events.ts';
import { type ArrayStatus, arrayStatus } from './array-status.ts';
import { ArrayStore } from './array-store.ts';
import { type ArrayTable, capacityOf, registerOf } from './array-table.ts';
import { ArrayTarget } from './array-target.ts';
import { mirroredParts, partOf } from './copy-pieces.ts';
import { CopyWork, type CopyWorkOptions, DEFAULT_COPY_WORK } from './copy-work.ts';
import { IntentMap, regionSectorsFor } from './intent-map.ts';
import { IntentTidy } from './intent-tidy.ts';
import { type ChainMember, layoutDigest, tableFor } from './layout.ts';
import { abandonCopy, addSpare, beginRelocate, failUnit } from './table-changes.ts';

export interface ArrayParts {
  readonly chain: RawChain;
  /** The stored membership, in chain order: windows follow from it, whether or not a drive answers today. */
  readonly members: readonly ChainMember[];
  /** What the configuration says (see ArrayLayout); it counts when the array is made. */
  readonly layout: unknown;
  /** 16 hexadecimal digits for a new array. */
  readonly newArray: string;
  readonly state: StateStore;
  /** Of the array's regions in own storage. */
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly onEvent?: (event: ArrayEvent) => void;
  readonly limits?: Partial<ArrayLimits>;
  readonly copying?: Partial<CopyWorkOptions>;
  /** Sectors of a write-intent region at least; fixed for the array's life. Default 2048. */
  readonly smallestRegion?: number;
}

/** An open array: the disk that it presents, and what an operator may ask of it. */
export interface OpenArray {
  readonly target: SataTarget;
  status(): ArrayStatus;
  /** Puts a unit out, whatever it says itself: one that is to be pulled, or that the chain lost for good. */
  fail(unit: string): Promise<Verdict<void>>;
  /** A drive stands ready in a unit that holds nothing. A stretch that waits for it is rebuilt at once. */
  addSpare(
    unit: string,
    drive: { readonly serial: string; readonly sectors: number },
  ): Promise<Verdict<void>>;
  /** Moves a live unit's content to a spare, online, then swaps the two. */
  relocate(from: string, to: string, afterwards: 'ready' | 'retired'): Promise<Verdict<void>>;
  abandonCopy(): Promise<Verdict<void>>;
  /** Call when no command is under way. Afterwards the next opening finds nothing to make equal. */
  close(): Promise<void>;
}

/**
 * Opens an array, or makes it where own storage has none of this name. After an unclean stop it goes on where it was:
 * a copy at its cursor, and regions that were being written are made equal before they are shown.
 * NS_ARRAY_LAYOUT: the layout does not fit, or is not the one that the array was made with. NS_ARRAY_MEMBERSHIP: other
 * units than the array's, or of other sizes. NS_ARRAY_FOREIGN: the only drive that held a stretch was exchanged.
 */
export async function openArray(parts: ArrayParts): Promise<OpenArray> {
  const store = await ArrayStore.open(parts.state, parts.name);
  const stored = store.table();
  const table = stored ?? tableFor(parts.layout, parts.members, parts.newArray);
  checkMembership(table, parts);
  const capacity = capacityOf(table);
  const regionSectors = regionSectorsFor(capacity, parts.smallestRegion);
  let intent: IntentMap;
  if (stored === undefined) {
    // The map before the table: an array exists from its first table on.
    intent = await IntentMap.format(store.intent, capacity, regionSectors);
    await store.saveTable(table);
  } else intent = await IntentMap.open(store.intent, capacity, regionSectors);

  const core = new ArrayCore({
    chain: parts.chain,
    scheduler: parts.scheduler,
    limits: { ...DEFAULT_LIMITS, ...parts.limits },
    store,
    table,
    intent,
    onEvent: parts.onEvent ?? (() => {}),
  });
  recallUnequal(core);
  for (const { unit, serial } of parts.members) await checkDrive(core, unit, serial);
  const work = new CopyWork(core, { ...DEFAULT_COPY_WORK, ...parts.copying });
  const tidy = new IntentTidy(core);
  work.start();
  return opened(core, work, tidy);
}

/** After an unclean stop: what may differ between live copies, and what the target of a copy may lack. */
function recallUnequal(core: ArrayCore): void {
  const { progress } = core;
  for (const region of core.intent.found) {
    if (mirroredParts(core, region).length > 0) core.unequal.add(region);
    const part = progress === undefined ? undefined : partOf(core, region, progress.order)[0];
    if (part !== undefined && part.lba < progress!.cursor) progress!.changed.add(region);
  }
}

function checkMembership(table: ArrayTable, { members, layout }: ArrayParts): void {
  if (table.layout !== layoutDigest(layout)) {
    throw new NsError(
      'NS_ARRAY_LAYOUT',
      'the array was made with another layout; give that one, or remove the array from own storage to make a new one',
      { family: 'caller' },
    );
  }
  let lba = 0;
  const same =
    members.length === table.registers.length &&
    members.every(({ unit, sectors, sectorSize }, at) => {
      const register = table.registers[at]!;
      const fits =
        register.unit === unit &&
        register.window.lba === lba &&
        register.window.count === sectors &&
        sectorSize === table.sectorSize;
      lba += sectors;
      return fits;
    });
  if (same) return;
  throw new NsError('NS_ARRAY_MEMBERSHIP', 'the chain does not have the units and sizes of the array', {
    family: 'peer',
  });
}

/** A drive that was exchanged while nobody looked holds nothing of ours. */
async function checkDrive(core: ArrayCore, unit: string, serial: string): Promise<void> {
  const register = registerOf(core.table, unit);
  if (register === undefined || register.serial === serial || register.role === 'failed') return;
  await core.fail(unit, `its drive is ${serial} now, not ${register.serial}`);
  if (!core.isLive(unit)) return;
  throw new NsError(
    'NS_ARRAY_FOREIGN',
    `unit ${unit} has another drive, and no other unit holds its content`,
    {
      family: 'peer',
    },
  );
}

function opened(core: ArrayCore, work: CopyWork, tidy: IntentTidy): OpenArray {
  const ask = async (make: (table: ArrayTable) => ArrayTable, whyNot: string): Promise<Verdict<void>> => {
    if (await core.change(make)) return allow(undefined);
    return refuse('ARRAY_REFUSED', whyNot);
  };
  return {
    target: new ArrayTarget(core),
    status: () => arrayStatus(core, work.rate),
    async fail(unit) {
      const verdict = await ask(
        (table) => failUnit(table, unit),
        `Unit ${unit} is not a member, is out already, or is the last that holds its part of the array.`,
      );
      if (verdict.ok) core.say({ kind: 'member-failed', unit, why: 'ordered' });
      return verdict;
    },
    async addSpare(unit, { serial, sectors }) {
      const register = core.register(unit);
      if (register !== undefined && sectors < register.window.count) {
        return refuse('ARRAY_REFUSED', `The drive in unit ${unit} is smaller than the one it replaces.`);
      }
      if (!core.writesOf(unit).idle) {
        return refuse(
          'ARRAY_REFUSED',
          `The drive in unit ${unit} is still busy with a write that it was given up for, and which must not land on newer content.`,
          'Pull the drive and put it back, or exchange it.',
        );
      }
      const verdict = await ask(
        (table) => addSpare(table, unit, serial),
        `Unit ${unit} is not a member, or does something in the array already.`,
      );
      if (verdict.ok) core.say({ kind: 'spare-ready', unit });
      return verdict;
    },
    async relocate(from, to, afterwards) {
      const verdict = await ask(
        (table) => beginRelocate(table, from, to, afterwards),
        `${from} must be live, ${to} an idle spare that is large enough, and no other copy under way.`,
      );
      if (verdict.ok) core.say({ kind: 'copy-begun', source: from, target: to, rebuild: false });
      return verdict;
    },
    abandonCopy: () => ask(abandonCopy, 'No copy is under way.'),
    async close() {
      await work.stop();
      await work.storeCursorNow();
      await tidy.close();
    },
  };
}
