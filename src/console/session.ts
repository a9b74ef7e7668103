import { asNsError } from '../base/index.ts';
import { LineEditor, type LineWish } from './line-editor.ts';
import { plain, wrap } from './plain-text.ts';
import { PLAIN_TERMINAL, type Terminal } from './terminal.ts';

/** How a command speaks with whoever sits there. */
export interface Talk {
  /** Sentences, broken into lines. */
  say(text: string, indent?: string): void;
  /** One line as it is. */
  print(line?: string): void;
  /** A line that is typed. Rejects with LeftConsole at Ctrl-C, or where whoever typed is gone. */
  ask(prompt: string, wish?: LineWish): Promise<string>;
  /** Aborts at Ctrl-C while nothing is asked, and where whoever was there is gone. */
  readonly signal: AbortSignal;
  /** What whoever sits there has said of the terminal. */
  readonly terminal: Terminal;
  /** For the rest of the session. */
  setTerminal(terminal: Terminal): void;
  /**
   * Until the answer is called all that comes on the line goes to the listener as it is, Ctrl-C too; what was typed ahead first,
   * at once. What was not for the listener is given back with the line. Not while something is asked.
   */
  raw(listener: (bytes: Uint8Array) => void): (rest?: Uint8Array) => void;
}

export interface ConsoleCommand {
  readonly name: string;
  /** For "help". */
  readonly says: string;
  /** How it is typed, where that is more than its name. */
  readonly usage?: string;
  /** For "help NAME": sentences. */
  readonly details?: readonly string[];
  /** What the last of the words after its name could become. */
  readonly complete?: (words: readonly string[]) => readonly string[];
  /** `rest` is what was typed after the name, where blanks matter. */
  run(talk: Talk, words: readonly string[], rest: string): Promise<void>;
}

export interface ConsoleSessionOptions {
  /** Those that there are at this moment. */
  readonly commands: () => readonly ConsoleCommand[];
  /** Printed when somebody comes. */
  readonly banner: readonly string[];
  readonly prompt: () => string;
  readonly write: (text: string) => void;
  /** Whoever was there has left: nothing of what was begun counts. */
  readonly onLeave: () => void;
}

/** Ctrl-C, "exit", a line that hung up, or nobody there for long. */
export class LeftConsole extends Error {}

/** Bytes typed ahead of a prompt; more are dropped. */
const TYPED_AHEAD = 32 * 1024;
const MOST_HISTORY = 50;
const CTRL_C = 0x03;

/**
 * One console: bytes in, text out. Asks for a command, does it, asks again. Nothing that is typed can end it, nothing is echoed
 * that was not typed as text, and it holds no more than a bounded number of bytes.
 */
export class ConsoleSession {
  readonly #o: ConsoleSessionOptions;
  readonly #editor = new LineEditor();
  #history: string[] = [];
  #ahead: number[] = [];
  /** Of these, how many are used. */
  #used = 0;
  #asked:
    | {
        readonly prompt: string;
        readonly resolve: (line: string) => void;
        readonly reject: (why: Error) => void;
      }
    | undefined;
  #over = false;
  /** Since the last greeting. */
  #left = false;
  #running: Promise<void> | undefined;
  #terminal = PLAIN_TERMINAL;
  /** Who has the line to itself. */
  #raw: ((bytes: Uint8Array) => void) | undefined;
  /** The command at work. */
  #doing = new AbortController();

  constructor(options: ConsoleSessionOptions) {
    this.#o = options;
  }

  /** Greets and goes on until close. */
  start(): void {
    this.#running ??= this.#run();
  }

  receive(bytes: Uint8Array): void {
    if (this.#raw !== undefined) {
      this.#raw(bytes);
      return;
    }
    if (this.#used > TYPED_AHEAD) {
      this.#ahead = this.#ahead.slice(this.#used);
      this.#used = 0;
    }
    for (const byte of bytes) {
      if (byte === CTRL_C && this.#asked === undefined) {
        this.#drop();
        this.#doing.abort(new Interrupted('Ctrl-C'));
      } else if (this.#ahead.length - this.#used < TYPED_AHEAD) this.#ahead.push(byte);
      // At once: a Ctrl-C right behind a line is for what that line began.
      this.#work();
    }
  }

  /** Whoever is there is taken to be gone: what is typed is dropped, and the next one is greeted. */
  leave(): void {
    this.#left = true;
    this.#raw = undefined;
    this.#drop();
    this.#editor.clear();
    this.#asked?.reject(new LeftConsole('left'));
    this.#doing.abort(new LeftConsole('left'));
  }

  async close(): Promise<void> {
    this.#over = true;
    this.leave();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      this.#left = false;
      for (const line of ['', ...this.#o.banner, '']) this.#talk().print(line);
      await this.#commands().catch(() => undefined);
      // What somebody has typed is not for the next one.
      this.#history = [];
      this.#terminal = PLAIN_TERMINAL;
      this.#o.onLeave();
    }
  }

  /** Until somebody leaves. */
  async #commands(): Promise<never> {
    for (;;) {
      this.#doing = new AbortController();
      const talk = this.#talk();
      const line = await this.#askAgain(talk);
      const [name = '', ...words] = line.trim().split(/\s+/);
      if (name === '') continue;
      if (this.#history.at(-1) !== line) this.#history = [...this.#history, line].slice(-MOST_HISTORY);
      if (name === 'exit') throw new LeftConsole('exit');
      const command = this.#find(name);
      if (command === undefined) talk.say(`There is no command "${name}". "help" lists them.`);
      else await this.#do(command, talk, words, line.trim().slice(name.length).trim());
    }
  }

  /** At the prompt Ctrl-C only clears the line. */
  async #askAgain(talk: Talk): Promise<string> {
    for (;;) {
      const wish = { history: this.#history, complete: (text: string) => this.#complete(text) };
      const asked = await talk.ask(this.#o.prompt(), wish).catch((why: unknown) => why as Error);
      if (typeof asked === 'string') return asked;
      if (!(asked instanceof Interrupted)) throw asked;
    }
  }

  #find(name: string): ConsoleCommand | undefined {
    const meant = name === '?' ? 'help' : name.toLowerCase();
    return this.#o.commands().find((known) => known.name === meant);
  }

  #complete(text: string): readonly string[] {
    const [name = '', ...words] = text.trimStart().split(/\s+/);
    const last = words.at(-1);
    const choices =
      last === undefined
        ? [...this.#o.commands().map((known) => known.name), 'exit']
        : (this.#find(name)?.complete?.(words) ?? []);
    return choices.filter((choice) => choice.startsWith(last ?? name)).map(plain);
  }

  async #do(command: ConsoleCommand, talk: Talk, words: readonly string[], rest: string): Promise<void> {
    try {
      await command.run(talk, words, rest);
    } catch (error) {
      if (error instanceof Interrupted) return;
      if (error instanceof LeftConsole) throw error;
      talk.say(`That failed: ${asNsError(error).message}`);
    }
  }

  #talk(): Talk {
    const terminal = (): Terminal => this.#terminal;
    return {
      print: (line = '') => this.#o.write(`${plain(line)}\r\n`),
      say: (text, indent) => {
        for (const line of wrap(text, indent, terminal().columns)) this.#o.write(`${line}\r\n`);
      },
      ask: (prompt, wish) => this.#ask(prompt, wish),
      signal: this.#doing.signal,
      get terminal() {
        return terminal();
      },
      setTerminal: (next) => {
        this.#terminal = next;
      },
      raw: (listener) => this.#takeLine(listener),
    };
  }

  #takeLine(listener: (bytes: Uint8Array) => void): (rest?: Uint8Array) => void {
    const ahead = Uint8Array.from(this.#ahead.slice(this.#used));
    this.#drop();
    // A byte that comes while these are handed over comes after them.
    this.#raw = listener;
    if (ahead.byteLength > 0) listener(ahead);
    return (rest) => {
      if (this.#raw !== listener) return;
      this.#raw = undefined;
      if (rest !== undefined) this.receive(rest);
    };
  }

  #ask(prompt: string, wish: LineWish = {}): Promise<string> {
    if (this.#over || this.#left) return Promise.reject(new LeftConsole('left'));
    return new Promise<string>((resolve, reject) => {
      this.#o.write(plain(prompt));
      this.#editor.begin(wish);
      this.#asked = { prompt, resolve, reject };
      this.#work();
    }).finally(() => {
      this.#asked = undefined;
    });
  }

  #drop(): void {
    this.#ahead = [];
    this.#used = 0;
  }

  /** Keys go to whoever asks, one line at a time; what is typed ahead waits. */
  #work(): void {
    while (this.#asked !== undefined) {
      const byte = this.#ahead[this.#used];
      if (byte === undefined) {
        this.#drop();
        return;
      }
      this.#used += 1;
      const { echo, ended, choices } = this.#editor.key(byte);
      if (echo !== '') this.#o.write(echo);
      if (choices !== undefined) this.#list(choices, this.#asked.prompt);
      if (ended === undefined) continue;
      const asked = this.#asked;
      this.#asked = undefined;
      if (ended === 'break') {
        this.#drop();
        asked.reject(new Interrupted('Ctrl-C'));
      } else if (ended === 'gone') asked.reject(new LeftConsole('Ctrl-D'));
      else asked.resolve(ended.line);
    }
  }

  #list(choices: readonly string[], prompt: string): void {
    const lines = wrap(choices.join('  '), '', this.#terminal.columns);
    this.#o.write(`\r\n${lines.join('\r\n')}\r\n${plain(prompt)}${this.#editor.drawn}`);
  }
}

/** Ends a command, not the session. */
export class Interrupted extends LeftConsole {}
