/** How long something has been so or will be, and until when the question itself is good: these pass by themselves. */
const PASSING =
  /\b(up|in) \d+(?:\.\d+)? (?:ms|s|min|h|d)\b(?: \d+ (?:ms|s|min|h|d)\b)*|\b(valid until) [\d-]+ [\d:]+Z/g;

/** What hosts said before, to tell what is new in what they say now. */
export class Watched {
  readonly #before = new Map<string, string>();

  /** The hosts whose answer is another than the one before: all of them at first. */
  changed<T extends { readonly host: string; readonly text: string }>(answers: readonly T[]): T[] {
    return answers.filter(({ host, text }) => {
      const steady = text.replaceAll(PASSING, '$1$2');
      const same = this.#before.get(host) === steady;
      this.#before.set(host, steady);
      return !same;
    });
  }
}

/** As much of the lines as a screen has room for: none is broken, and the last line says how many are left out. */
export function fitScreen(lines: readonly string[], rows: number, columns: number): string[] {
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines: the window is too low`];
  return shown.map((line) =>
    Array.from(line)
      .slice(0, Math.max(1, columns - 1))
      .join(''),
  );
}
