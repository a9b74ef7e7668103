import type { ConsoleCommand } from './session.ts';

/** What a terminal can do, as far as anybody has said. */
export interface Terminal {
  /** plain: text and line ends, nothing else. vt100: obeys control sequences, which only a host's console sends it. */
  readonly kind: 'plain' | 'vt100';
  readonly columns: number;
  readonly rows: number;
  /** 8: bytes above 127 of a host's console are passed. */
  readonly bits: 7 | 8;
}

export const PLAIN_TERMINAL: Terminal = { kind: 'plain', columns: 80, rows: 24, bits: 7 };

const COLUMNS = { least: 40, most: 250 };
const ROWS = { least: 5, most: 200 };
const USAGE = 'terminal [plain | vt100] [width N] [rows N] [7bit | 8bit]';

/** For the session alone: the next one who comes may have another terminal. */
export const terminalCommand: ConsoleCommand = {
  name: 'terminal',
  says: 'what this terminal can do; for this session',
  usage: USAGE,
  details: [
    'plain (as it begins): the console of the host is shown as text, its control characters spelt out. vt100: they are passed as they are, in "host console" and nowhere else.',
    '8bit: bytes above 127 of the host are passed too. width and rows are for what is printed here.',
  ],
  complete: () => ['plain', 'vt100', 'width', 'rows', '7bit', '8bit'],
  run: async (talk, words) => {
    const next = changed(talk.terminal, words);
    if (typeof next === 'string') return talk.say(next);
    talk.setTerminal(next);
    const { kind, columns, rows, bits } = next;
    talk.say(`${kind}, ${columns} columns, ${rows} rows, ${bits} bits`);
  },
};

/** A sentence where something is not understood. */
function changed(terminal: Terminal, words: readonly string[]): Terminal | string {
  let next = terminal;
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!.toLowerCase();
    if (word === 'plain' || word === 'vt100') next = { ...next, kind: word };
    else if (word === '7bit' || word === '8bit') next = { ...next, bits: word === '7bit' ? 7 : 8 };
    else if (word === 'width' || word === 'rows') {
      i += 1;
      const { least, most } = word === 'width' ? COLUMNS : ROWS;
      const number = /^\d{1,3}$/.test(words[i] ?? '') ? Number(words[i]) : 0;
      if (number < least || number > most) return `${word} takes a number from ${least} to ${most}.`;
      next = word === 'width' ? { ...next, columns: number } : { ...next, rows: number };
    } else return `"${word}" is not known here: ${USAGE}`;
  }
  return next;
}
