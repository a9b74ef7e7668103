import { type Duration, formatDuration, seconds } from '../base/index.ts';
import type { ReleaseAnswer, ReleaseDesk, ShownChallenge } from '../security/index.ts';
import { drawQr } from './draw-qr.ts';
import type { ConsoleCommand, Talk } from './session.ts';

export interface UnlockParts {
  readonly device: string;
  readonly desk: Pick<ReleaseDesk, 'challenge' | 'answer' | 'forget'>;
  /** The dark modules of a QR code, row by row. */
  readonly qr: (text: string) => readonly (readonly boolean[])[];
  /** Gives a pasted order of two people, and says what became of it. */
  readonly order: (text: string) => Promise<readonly string[]>;
}

const WORDS_A_LINE = 3;
const COLUMN = 14;
const BEGIN = '-----BEGIN ';
const END = '-----END ';
/** Orders of some hundred hosts. */
const MOST_LINES = 2048;

/** Shows the challenge and takes the answers, until the machine is released or whoever sits there leaves. */
export function unlockCommand(parts: UnlockParts): ConsoleCommand {
  return {
    name: 'unlock',
    says: 'release a disabled machine by the codes of two people',
    run: async (talk) => {
      try {
        await unlock(talk, parts);
      } finally {
        parts.desk.forget();
      }
    },
  };
}

async function unlock(talk: Talk, parts: UnlockParts): Promise<void> {
  let shown: ShownChallenge | undefined;
  let question = 'code of the first person: ';
  for (;;) {
    const challenge = await parts.desk.challenge();
    if (challenge === undefined) {
      talk.say('There is nothing to release: the machine is enabled.');
      return;
    }
    if (challenge.text !== shown?.text) {
      show(talk, parts, challenge);
      shown = challenge;
      question = 'code of the first person: ';
    }
    const typed = await talk.ask(question);
    if (typed.trim() === '') {
      talk.say('Left. The challenge stays as it is, until it is answered.');
      return;
    }
    if (typed.startsWith(BEGIN)) {
      for (const sentence of await pasted(talk, typed, parts.order)) talk.say(sentence);
      continue;
    }
    const answer = await parts.desk.answer(typed);
    for (const sentence of sentencesOf(answer)) talk.say(sentence);
    if (answer.is === 'released') return;
    if (answer.is === 'one-more') question = 'code of the second person: ';
  }
}

/** The rest of an order, up to its last line. */
async function pasted(talk: Talk, first: string, order: UnlockParts['order']): Promise<readonly string[]> {
  const lines = [first];
  while (lines.length < MOST_LINES) {
    const line = await talk.ask('');
    lines.push(line);
    if (line.startsWith(END)) return order(lines.join('\n'));
  }
  return ['That is no order: it does not end.'];
}

function show(talk: Talk, { device, qr }: UnlockParts, { words, text, lockVersion }: ShownChallenge): void {
  for (const line of drawQr(qr(text))) talk.print(line);
  talk.print();
  talk.say(
    `${device} is disabled (lock version ${lockVersion}). Tell the security team its name and these words:`,
  );
  talk.print();
  for (let i = 0; i < words.length; i += WORDS_A_LINE) {
    const row = words.slice(i, i + WORDS_A_LINE).map((word, j) => `${i + j + 1} ${word}`.padEnd(COLUMN));
    talk.print(`    ${row.join('').trimEnd()}`);
  }
  talk.print();
  talk.say(`or the QR code above, or: ${text}`);
  talk.say(
    'Two of them answer, with a code each, or with an order in a file: paste it here. An empty line leaves; the challenge stays the same.',
  );
}

/** Whole seconds, rather too many than too few. */
const inWords = (wait: Duration): string => formatDuration(seconds(Math.ceil(wait / 1000)));

type Counted = Extract<ReleaseAnswer, { readonly wait: Duration; readonly newChallenge: boolean }>;

const next = ({ wait }: Counted): string => `The next answer has to wait ${inWords(wait)}.`;

const another = ({ newChallenge }: Counted): readonly string[] =>
  newChallenge ? ['After so many wrong answers there is another challenge.'] : [];

/** What whoever typed it is told. */
function sentencesOf(answer: ReleaseAnswer): readonly string[] {
  switch (answer.is) {
    case 'mistyped':
      return ['Mistyped: a code is 16 letters and digits, and one to check them. This was not counted.'];
    case 'too-soon':
      return [`Too soon: wait ${inWords(answer.wait)}. This was not counted.`];
    case 'wrong':
      return [`Wrong. ${next(answer)}`, ...another(answer)];
    case 'refused': {
      const { code, sentence, remedy } = answer.refusal;
      return [
        `Refused ${code}: ${sentence}`,
        ...(answer.wait > 0 ? [`${remedy} ${next(answer)}`] : [remedy]),
        ...another(answer),
      ];
    }
    case 'one-more':
      return [`Right: that is the code of ${answer.name}. One more, of another person.`];
    case 'released': {
      const [who, version] = [answer.names.join(' and '), answer.lockVersion];
      return [`Released by ${who}: the machine is enabled (lock version ${version}).`];
    }
    case 'nothing':
      return ['The lock has changed meanwhile.'];
  }
}
