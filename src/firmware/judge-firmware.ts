import { allow, refuse, type Verdict } from '../base/index.ts';
import type { FlashLayout } from '../board/index.ts';
import type { FirmwareManifest } from '../protocol/index.ts';
import { SLOTS } from './boot-record.ts';

export interface FirmwareRules {
  /** The board that runs here. */
  readonly board: string;
  /** No lower rollback index is accepted. */
  readonly floor: number;
  readonly layout: FlashLayout;
}

/**
 * May this firmware be written to a slot of this board? FIRMWARE_NOT_FOR_BOARD, FIRMWARE_TOO_OLD, FIRMWARE_INVALID (parts
 * that the slots of this layout do not have, or not all of them), FIRMWARE_TOO_LARGE.
 */
export function judgeFirmware(manifest: FirmwareManifest, rules: FirmwareRules): Verdict<void> {
  const { board, floor, layout } = rules;
  if (manifest.board !== board)
    return refuse('FIRMWARE_NOT_FOR_BOARD', `This firmware is for ${manifest.board}; this is ${board}.`);
  if (manifest.rollback < floor)
    return refuse(
      'FIRMWARE_TOO_OLD',
      `This firmware has the rollback index ${manifest.rollback}; ${floor} is the least that is accepted here.`,
    );
  const wanted = slotParts(layout);
  const given = manifest.parts.map(({ holds }) => holds);
  if (wanted.length === 0) return refuse('FIRMWARE_INVALID', `The layout ${layout.name} has no slots.`);
  if (wanted.length !== given.length || !wanted.every((holds) => given.includes(holds)))
    return refuse(
      'FIRMWARE_INVALID',
      `A slot of this board holds ${wanted.join(' and ')}; this firmware has ${given.join(' and ')}.`,
    );
  for (const { holds, size } of manifest.parts) {
    const room = roomFor(layout, holds);
    if (size > room)
      return refuse('FIRMWARE_TOO_LARGE', `The ${holds} has ${size} bytes; there is room for ${room}.`);
  }
  return allow(undefined);
}

/** What a slot of this layout is made of. */
export function slotParts(layout: FlashLayout): FirmwareManifest['parts'][number]['holds'][] {
  return layout.partitions.flatMap(({ slot, holds }) =>
    slot === 'a' && (holds === 'kernel' || holds === 'root' || holds === 'base' || holds === 'app')
      ? [holds]
      : [],
  );
}

/** The room in the smaller of both slots, bytes. */
function roomFor(layout: FlashLayout, holds: string): number {
  const rooms = SLOTS.map(
    (slot) => layout.partitions.find((part) => part.slot === slot && part.holds === holds)?.size ?? 0,
  );
  return Math.min(...rooms);
}
