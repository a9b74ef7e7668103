import { NsError, toHex } from '../../base/index.ts';
import type { Finding } from '../../board/index.ts';
import { fold, type Talk } from '../../console/index.ts';
import { giverOf, type TechnicianSession } from '../../security/index.ts';
import { type Hands, optionsIn, showEnd, usage } from './console-hands.ts';
import { mayNow, type StandingParts } from './console-standing.ts';
import type { Machine } from './machine.ts';

export interface ConsoleBoardParts extends StandingParts {
  /** Where whoever types sits. */
  readonly where: string;
  readonly machine: Pick<Machine, 'board' | 'power' | 'clock' | 'audit'>;
}

export const BOARD_COMMAND = {
  name: 'board',
  says: 'prove pins, buses and sensors against the description',
  usage: 'board test [--drive]',
  details: [
    'Reads all that the description of the board names, and says of each: proven, FAILED, absent (the description has none), or not tried.',
    "Nothing is driven: neither buttons of the host nor its disks' switches, ever. --drive blinks the lights, by orders like any other.",
    'Lines that this agent holds stay held. Whether a restart changes an output is proven by "nightshift-agent board test" while it is stopped.',
  ],
  complete: () => ['test'],
} as const;

/** Whoever may see how the machine stands may see this; a channel is read for who may read it. */
export async function testBoard(
  parts: ConsoleBoardParts,
  session: TechnicianSession,
  { talk, give }: Hands,
  words: readonly string[],
): Promise<void> {
  const { given, rest } = optionsIn(words, { '--drive': 'alone' });
  if (rest.length !== 1 || rest[0] !== 'test') throw usage(BOARD_COMMAND.usage);
  const may = mayNow(parts, session, 'machine.status', {});
  if (!may.ok) return showEnd(talk, 'machine.status', { is: 'refused', refusal: may.refusal });
  const drive = given.length > 0;
  const { planBoardTest, findingCounts } = await import('../../board/index.ts');
  const { liveHands } = await import('./board-test-live.ts');
  const { doStep } = await import('./board-test-run.ts');
  const { stepText, titleText } = await import('./board-test-text.ts');
  const { machine } = parts;
  const { description } = machine.board;
  const hands = await liveHands(machine, {
    mayNotRead: (channel) => {
      const verdict = mayNow(parts, session, 'io.read', { channel });
      return verdict.ok ? undefined : verdict.refusal;
    },
    write: async (channel, value) => {
      const end = await give('io.write', { channel, value }, { aside: true });
      const why = end.is === 'refused' ? end.refusal : end.receipt.refusal;
      if (why !== undefined) throw new NsError('NS_IO_FAILED', `${why.code}: ${why.sentence ?? ''}`);
    },
  });
  const pages = new Pages(talk);
  const findings: Finding[] = [];
  const steps = planBoardTest(description, { drive });
  const counts = (): string => {
    const left = steps.length - findings.length;
    return `${findingCounts(findings)}${left === 0 ? '' : `, ${left} not looked at`}`;
  };
  try {
    let going = await pages.say(titleText(description));
    for (const step of steps) {
      if (!going) break;
      const finding = await doStep(step, hands, talk.signal);
      findings.push(finding);
      going = await pages.say(stepText(step, finding));
    }
    talk.say(counts());
  } finally {
    // Also of one that was broken off.
    await machine.audit.append({
      at: machine.clock.wallSeconds(),
      event: 'console.board-test',
      by: session.key.publicKey.keyId,
      detail: `${whoOf(session)} at the console ${parts.where}: ${counts()}${drive ? ', lights driven' : ''}`,
    });
  }
}

/** As orders by a pass stand in the audit log. */
function whoOf({ name, grants }: TechnicianSession): string {
  const giver = giverOf(grants ?? []);
  return giver === undefined ? name : `${name} (for key ${toHex(giver)})`;
}

/** Prints what comes bit by bit, and waits after each screenful; false where whoever reads has had enough. */
class Pages {
  readonly #talk: Talk;
  #printed = 0;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  async say(text: string): Promise<boolean> {
    const { columns, rows } = this.#talk.terminal;
    for (const line of fold(text, columns)) {
      if (this.#printed >= rows - 1) {
        if (/^q/i.test((await this.#talk.ask('-- more (q ends) -- ')).trim())) return false;
        this.#printed = 0;
      }
      this.#talk.print(line);
      this.#printed += 1;
    }
    return true;
  }
}
