export type EscapeStep =
  | { readonly is: 'send'; readonly bytes: Uint8Array }
  | { readonly is: 'end' }
  | { readonly is: 'break' }
  | { readonly is: 'help' };

const TILDE = 0x7e;
const CR = 0x0d;
const LF = 0x0a;
const COMMANDS: Readonly<Record<number, 'end' | 'break' | 'help'>> = { 46: 'end', 66: 'break', 63: 'help' };

/**
 * Keys typed at a console, with the escape that remote logins have: "~" at the beginning of a line, then "." to end, "B" for a
 * break, "?" for help, "~" for itself. Whatever else follows is sent, with the "~".
 */
export class EscapeKeys {
  #state: 'line-begin' | 'tilde' | 'in-line' = 'line-begin';

  /** What to do about these keys, in their order. Nothing comes after an "end". */
  take(keys: Uint8Array): readonly EscapeStep[] {
    const steps: EscapeStep[] = [];
    let plain: number[] = [];
    const flush = (): void => {
      if (plain.length > 0) steps.push({ is: 'send', bytes: Uint8Array.from(plain) });
      plain = [];
    };
    for (const key of keys) {
      if (this.#state === 'line-begin' && key === TILDE) {
        this.#state = 'tilde';
        continue;
      }
      if (this.#state === 'tilde') {
        const command = COMMANDS[key];
        if (command !== undefined) {
          flush();
          steps.push({ is: command });
          this.#state = 'line-begin';
          if (command === 'end') return steps;
          continue;
        }
        plain.push(TILDE);
        if (key === TILDE) {
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
