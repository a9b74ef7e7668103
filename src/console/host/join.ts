import {
  EscapeKeys,
  KiB,
  LineQueue,
  milliseconds,
  type Refusal,
  seconds,
  utf8,
  type Verdict,
} from '../../base/index.ts';
import type { Clock, Stop } from '../../ports/index.ts';
import type { Talk } from '../session.ts';
import { Neutral } from './neutral.ts';
import type { HostUart } from './uart.ts';

/** What may wait for a host that takes nothing now. */
const TO_HOST = { capacity: 64 * KiB, breaks: 4 };

/** The terminal's side. */
export interface JoinedTerminal {
  push(bytes: Uint8Array): unknown;
  /** Resolves when nothing waits for the terminal, or it is gone. */
  empty(): Promise<void>;
  /** What waits is not printed. */
  drop(): void;
}

export interface JoinParts {
  readonly talk: Talk;
  readonly terminal: JoinedTerminal;
  readonly uart: HostUart;
  readonly clock: Clock;
  /** For those at other doors: "tim at the console /dev/ttyS1". */
  readonly who: string;
  /** One printable character. */
  readonly escapeKey: string;
  /** Shows first what the host said before. */
  readonly back: boolean;
  /** watch: reads only. take: writes, whoever else does now. */
  readonly wish: 'write' | 'watch' | 'take';
  /** Whether he may, asked again and again: write, or only watch. */
  readonly may: (what: 'write' | 'watch') => Verdict<void>;
}

/** How it went, for the audit log. */
export interface Joined {
  readonly mode: 'writing' | 'watching';
  readonly why: string;
  /** Bytes. */
  readonly toHost: number;
  readonly shown: number;
  readonly dropped: number;
}

/** A slow terminal stays no further behind than this: what the host says now counts for more than what it said. */
const MOST_BEHIND = 8 * 1024;
const GO_ON_AT = 1024;
const PIECE = 512;
const ASK_AGAIN = seconds(1);
/** A host that has asked the terminal something must not have its answer typed at our prompt. */
const LATE_ANSWERS = milliseconds(500);
/** Colours and line drawing of the host end with it: SI, SGR 0. */
const RESET = '\x0f\x1b[m';

/** Joins the terminal and the host's console, until somebody leaves, or may no more. */
export async function joinHost(parts: JoinParts): Promise<Joined> {
  const joined = new Join(parts);
  try {
    return await joined.run();
  } finally {
    joined.end();
  }
}

class Join {
  readonly #p: JoinParts;
  readonly #keys: EscapeKeys;
  readonly #toHost: LineQueue;
  readonly #neutral: Neutral;
  readonly #stops: Stop[] = [];
  #place: number;
  /** Up to there it is what was asked for, however long it takes. */
  readonly #asked: number;
  #writes = false;
  #shown = 0;
  #dropped = 0;
  #pumping = false;
  #over = false;
  #behindSaid = false;
  #settle: (why: string) => void = () => undefined;

  constructor(parts: JoinParts) {
    this.#p = parts;
    const { uart, clock, escapeKey, back, talk } = parts;
    this.#keys = new EscapeKeys(escapeKey);
    this.#toHost = new LineQueue(uart.console, clock, TO_HOST);
    this.#neutral = new Neutral(talk.terminal.bits);
    this.#asked = uart.scrollback.end;
    this.#place = back ? uart.scrollback.firstLine : this.#asked;
  }

  async run(): Promise<Joined> {
    const { talk, uart, clock, escapeKey: key } = this.#p;
    const ended = new Promise<string>((resolve) => {
      this.#settle = resolve;
    });
    this.#claim();
    const how = this.#writes ? 'writing' : 'watching';
    this.#note(`console of the host, ${how}; ${key}. leaves, ${key}? tells more`);
    const left = (): void => this.#settle('gone');
    if (talk.signal.aborted) left();
    talk.signal.addEventListener('abort', left, { once: true });
    const again = clock.every(ASK_AGAIN, () => this.#stillMay());
    let rest: Uint8Array | undefined;
    const giveBack = talk.raw((bytes) => {
      rest = this.#take(bytes) ?? rest;
    });
    this.#stops.push(
      again,
      () => talk.signal.removeEventListener('abort', left),
      uart.onMore(() => this.#more()),
    );
    const unavailable = uart.console.onAvailable?.((available) => this.#available(available));
    if (unavailable !== undefined) this.#stops.push(unavailable);
    this.#more();
    const why = await ended;
    const result = {
      mode: how,
      why,
      toHost: this.#toHost.sent,
      shown: this.#shown,
      dropped: this.#dropped,
    } as const;
    this.end();
    this.#p.terminal.drop();
    if (talk.terminal.kind === 'vt100') {
      this.#p.terminal.push(utf8(RESET));
      await clock.sleep(LATE_ANSWERS, talk.signal).catch(() => undefined);
      rest = undefined;
    }
    this.#note(`left the console of the host${why === 'left' ? '' : `: ${why}`}`);
    giveBack(rest);
    return result;
  }

  end(): void {
    this.#over = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#toHost.stop();
  }

  #claim(): void {
    const { uart, who, wish } = this.#p;
    if (wish === 'watch') return;
    const claim = uart.claim(who, (by) => this.#settle(`${by} has taken it`), wish === 'take');
    if (claim.ok) {
      this.#writes = true;
      this.#stops.push(claim.release);
    } else
      this.#note(`${claim.holder} has the console; this is only to watch. "host console -take" takes it`);
  }

  /** What came after the keys that left, if these were among them. */
  #take(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#over) return undefined;
    for (const step of this.#keys.take(bytes)) {
      if (step.is === 'end') {
        this.#settle('left');
        return step.rest;
      }
      if (step.is === 'help') this.#help();
      else if (!this.#writes) this.#note('this is only to watch');
      else if (!this.#stillMay()) return undefined;
      else if (step.is === 'break')
        this.#note(this.#toHost.pushBreak() ? 'break' : 'no break: the line sends none');
      else this.#send(step.bytes);
    }
    return undefined;
  }

  #send(bytes: Uint8Array): void {
    if (this.#toHost.push(bytes)) this.#behindSaid = false;
    else if (!this.#behindSaid) {
      this.#behindSaid = true;
      this.#note('the host takes nothing now: what is typed is lost');
    }
  }

  #stillMay(): boolean {
    const may = this.#p.may(this.#writes ? 'write' : 'watch');
    if (!may.ok) this.#settle(sentenceOf(may.refusal));
    return may.ok;
  }

  #available(available: boolean): void {
    if (!available) this.#note("the host's end of the line is not there now");
  }

  #help(): void {
    const { escapeKey: key } = this.#p;
    this.#note(
      `at the beginning of a line: ${key}. leaves, ${key}B sends a break, ${key}? is this, ${key}${key} sends ${key}`,
    );
    const { holder } = this.#p.uart;
    this.#note(holder === undefined ? 'nobody writes' : `${holder} writes`);
  }

  #more(): void {
    if (!this.#pumping) this.#pump().catch(() => undefined);
  }

  async #pump(): Promise<void> {
    const { uart, terminal } = this.#p;
    const { scrollback } = uart;
    this.#pumping = true;
    while (!this.#over && this.#place < scrollback.end) {
      this.#skip();
      const piece = scrollback.from(this.#place, PIECE);
      this.#place += piece.byteLength;
      this.#shown += piece.byteLength;
      terminal.push(this.#shape(piece));
      await terminal.empty();
    }
    // At once: what comes from now on finds nobody at work.
    this.#pumping = false;
  }

  #skip(): void {
    const { scrollback } = this.#p.uart;
    const behind = scrollback.end - this.#place;
    const replay = this.#place < this.#asked && this.#place >= scrollback.start;
    if (behind <= MOST_BEHIND || replay) return;
    const to = scrollback.end - GO_ON_AT;
    const lost = to - this.#place;
    this.#place = to;
    this.#dropped += lost;
    this.#note(`${lost} bytes of the host are left out: it is faster than this terminal`);
  }

  #shape(bytes: Uint8Array): Uint8Array {
    const { kind, bits } = this.#p.talk.terminal;
    if (kind === 'plain') return utf8(this.#neutral.take(bytes));
    return bits === 8 ? bytes : bytes.map((byte) => (byte > 0x7f ? 0x3f : byte));
  }

  #note(text: string): void {
    this.#p.talk.print();
    this.#p.talk.say(`[${text}]`);
  }
}

const sentenceOf = ({ code, sentence }: Refusal): string => `refused ${code}: ${sentence}`;
