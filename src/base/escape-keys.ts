export type EscapeStep =
  | { readonly is: 'send'; readonly bytes: Uint8Array }
  /** With the keys that came after it. */
  | { readonly is: 'end'; readonly rest: Uint8Array }
  | { readonly is: 'break' }
  | { readonly is: 'help' };

const CR = 0x0d;
const LF = 0x0a;
const COMMANDS: Readonly<Record<number, 'end' | 'break' | 'help'>> = { 46: 'end', 66: 'break', 63: 'help' };

/**
 * Keys typed at a console, with the escape that remote logins have: "~" (or another printable character) at the beginning of a
 * line, then "." to end, "B" for a break, "?" for help, "~" for itself. Whatever else follows is sent, with the "~".
 */
export class EscapeKeys {
  readonly #escape: number;
  #state: 'line-begin' | 'tilde' | 'in-line' = 'line-begin';

  constructor(key = '~') {
    this.#escape = key.charCodeAt(0);
  }

  /** What to do about these keys, in their order. Nothing comes after an "end". */
  take(keys: Uint8Array): readonly EscapeStep[] {
    const steps: EscapeStep[] = [];
    let plain: number[] = [];
    const flush = (): void => {
      if (plain.length > 0) steps.push({ is: 'send', bytes: Uint8Array.from(plain) });
      plain = [];
    };
    for (const [at, key] of keys.entries()) {
      if (this.#state === 'line-begin' && key === this.#escape) {
        this.#state = 'tilde';
        continue;
      }
      if (this.#state === 'tilde') {
        const command = COMMANDS[key];
        if (command !== undefined) {
          flush();
          this.#state = 'line-begin';
          if (command === 'end') return [...steps, { is: 'end', rest: keys.slice(at + 1) }];
          steps.push({ is: command });
          continue;
        }
        plain.push(this.#escape);
        if (key === this.#escape) {
          this.#state = 'in-line';
          continue;
        }
      }
      plain.push(key);
      this.#state = key === CR || key === LF ? 'line-begin' : 'in-line';
    }
    flush();
    return steps;
  }
}
