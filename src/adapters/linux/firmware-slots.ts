import { NsError } from '../../base/index.ts';
import type { FlashLayout } from '../../board/index.ts';
import { type Slot, withinRange } from '../../firmware/index.ts';
import type { FirmwareSlots, FlashRange } from '../../ports/index.ts';

/** A partition as it was found on the medium. */
export interface OpenPartition extends FlashRange {
  close(): Promise<void>;
}

export interface FirmwareSlotOptions {
  readonly layout: FlashLayout;
  /** Where the boot record's copies lie: bytes from the start of that partition, and from one copy to the next. */
  readonly record: { readonly partition: string; readonly offset: number; readonly step: number };
  readonly running: FirmwareSlots['running'];
  /** Opens a partition of the layout, by its name. NS_FLASH where it is not there. */
  readonly openPartition: (name: string) => Promise<OpenPartition>;
}

/** The slots and the boot record in the partitions of a medium. NS_FLASH where they are not what the layout says. */
export async function openFirmwareSlots(options: FirmwareSlotOptions): Promise<FirmwareSlots> {
  const { layout, record, running, openPartition } = options;
  const opened: OpenPartition[] = [];
  const open = async (name: string): Promise<OpenPartition> => {
    const partition = await openPartition(name);
    opened.push(partition);
    const said = layout.partitions.find((part) => part.name === name)?.size ?? 0;
    if (partition.size < said)
      throw new NsError('NS_FLASH', `${name} has ${partition.size} bytes, and the layout says ${said}`);
    return partition;
  };
  const close = async (): Promise<void> => {
    for (const partition of opened.splice(0)) await partition.close();
  };
  try {
    const [a, b] = [await open(slotPartition(layout, 'a')), await open(slotPartition(layout, 'b'))];
    const at = await open(record.partition);
    const copy = (index: 0 | 1) => withinRange(at, record.offset + index * record.step, record.step);
    return { running, slots: { a, b }, record: [copy(0), copy(1)], close };
  } catch (error) {
    await close();
    throw error;
  }
}

function slotPartition({ name, partitions }: FlashLayout, slot: Slot): string {
  const found = partitions.filter((part) => part.slot === slot);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new NsError(
      'NS_FLASH',
      `the layout ${name} has ${found.length} partitions for slot ${slot}, not one`,
    );
  return only.name;
}
