import { allow, seconds } from '../../base/index.ts';
import { type ResultOf, UNITS_A_PAGE } from '../../protocol/index.ts';
import type { TaskKind } from '../task.ts';
import { chainNote, chainsOf } from './notes.ts';

/** How the chains stand, unit by unit. Touches nothing, and works on a disabled machine too. */
export const chainStatus: TaskKind<'chain.status'> = {
  verb: 'chain.status',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  async run({ args }, { services, signal }) {
    const chains = chainsOf(services, args.disk);
    if (!chains.ok) return chains;
    const notes: ResultOf<'chain.status'>['chains'] = [];
    let room = UNITS_A_PAGE;
    for (const chain of chains.value) {
      const note = chainNote(await chain.status(signal), args.after ?? 0, room);
      room -= note.units.length;
      notes.push(note);
    }
    return allow({ chains: notes });
  },
};
