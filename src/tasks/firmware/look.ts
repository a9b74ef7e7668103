import { allow, fromHex, type Verdict } from '../../base/index.ts';
import {
  becameOf,
  NEVER_PROVEN,
  NOT_WHOLE_LATER,
  readUpdateNote,
  SLOTS,
  type SlotState,
  type UpdateNote,
} from '../../firmware/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { TaskServices } from '../services.ts';
import type { OwnFirmware } from './own-firmware.ts';

type Note = ResultOf<'agent.firmware'>['slots'][number];

/** What runs, what the other slot holds, and what became of the last update. */
export async function lookAtFirmware(
  { store }: Pick<TaskServices, 'store'>,
  firmware: OwnFirmware,
): Promise<Verdict<ResultOf<'agent.firmware'>>> {
  const { book, rules, slots, version, release } = firmware;
  const note = await readUpdateNote(store);
  const state = note && becameOf(note, book.record);
  return allow({
    board: rules.board,
    version,
    running: slots.running,
    slots: SLOTS.map((slot) => slotNote(slot, book.record.slots[slot])),
    floor: book.record.floor,
    release,
    ...(note === undefined || state === undefined
      ? {}
      : {
          update: {
            order: note.order,
            version: note.version,
            slot: note.slot,
            sha256: note.sha256,
            state,
            ...whyOf(note, state, firmware),
          },
        }),
  });
}

function whyOf(
  note: UpdateNote,
  state: UpdateNote['state'],
  firmware: OwnFirmware,
): { readonly why?: string } {
  if (state === 'confirmed') return {};
  const given = note.state === 'confirmed' ? NOT_WHOLE_LATER : NEVER_PROVEN;
  const said = note.state === state ? note.why : given;
  const why = state === 'trying' ? firmware.waitsFor() : said;
  return why === undefined ? {} : { why: why.slice(0, 500) };
}

function slotNote(slot: Note['slot'], state: SlotState): Note {
  switch (state.is) {
    case 'empty':
      return { slot, state: 'empty' };
    case 'bad':
      return { slot, state: 'bad', version: state.version };
    case 'good':
    case 'trying': {
      const { version, rollback, sha256 } = state;
      const left = state.is === 'trying' ? { left: state.left } : {};
      return { slot, state: state.is, version, rollback, sha256: fromHex(sha256), ...left };
    }
  }
}
