import type { Refusal } from '../../base/index.ts';
import { testedLines } from '../../board/index.ts';
import type { HostPower } from '../../ports/index.ts';
import { RELEASED } from '../version.ts';
import { askLines } from './board-test-lines.ts';
import { layoutOf } from './board-test-open.ts';
import type { BoardHands } from './board-test-run.ts';
import type { Machine } from './machine.ts';

/** How an agent that is at work looks at its own board: all that it holds stays held. */
export async function liveHands(
  { board, power, clock }: Pick<Machine, 'board' | 'clock'> & { readonly power: Pick<HostPower, 'read'> },
  rights: {
    readonly mayNotRead: (channel: string) => Refusal | undefined;
    readonly write: (channel: string, value: number) => Promise<void>;
  },
): Promise<BoardHands> {
  const { description, switches, memory, io, bench } = board;
  const layout = await layoutOf(description);
  const { lines } = bench ?? {};
  return {
    clock,
    released: RELEASED,
    power,
    switches,
    ...(memory === undefined ? {} : { memory }),
    ...(io === undefined ? {} : { io }),
    ...(bench === undefined ? {} : { files: bench.files }),
    ...(lines === undefined
      ? {}
      : {
          look: (line) => lines.look(line),
          trials: await askLines(testedLines(description), lines),
        }),
    ...(layout === undefined ? {} : { layout }),
    ...rights,
  };
}
