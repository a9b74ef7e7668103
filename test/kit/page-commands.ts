import { readFileSync } from 'node:fs';

/** A command as a page shows it, with what it shows of the output. */
export interface ShownCommand {
  readonly command: string;
  readonly output: readonly string[];
}

/** A block of a page that belongs to a path: commands one after another, or one that goes on running in a terminal of its own. */
export interface ShownBlock {
  readonly where: string;
  readonly commands: readonly ShownCommand[];
}

/** The blocks of a page behind a remark "<!-- PATH: WHERE -->", in their order. */
export function shownBlocks(page: string, path: string): readonly ShownBlock[] {
  const marked = new RegExp(`^<!-- ${path}: (\\w+) -->\\n\`\`\`\\w*\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...readFileSync(page, 'utf8').matchAll(marked)].map(([, where = '', text = '']) => ({
    where,
    commands: commandsIn(text),
  }));
}

function commandsIn(text: string): ShownCommand[] {
  const commands: { readonly command: string; readonly output: string[] }[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const last = commands.at(-1);
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), output: [] });
    else if (last === undefined) throw new Error(`output before any command: ${line}`);
    else last.output.push(line);
  }
  return commands;
}

/** What differs from run to run. */
const PASSING: readonly (readonly [RegExp, string])[] = [
  [/ed25519:[\w-]{43}/g, 'KEY'],
  [/\b[0-9a-f]{64}\b/g, 'SHA256'],
  [/\b[0-9a-f]{32}\b/g, 'ID'],
  [/\b[0-9a-f]{16}\b/g, 'KEYID'],
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ/g, 'TIME'],
  [/\b\d+(?:\.\d+)? (?:ms|s|min|h)\b(?: \d+ (?:s|min)\b)*/g, 'DURATION'],
];

const settled = (line: string): string =>
  PASSING.reduce((text, [what, name]) => text.replace(what, name), line);

function fits(shown: string, real: string): boolean {
  const parts = settled(shown)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(settled(real));
}

/**
 * How real output differs from what is shown; undefined where it does not. "…" stands for any text, a line of it alone for
 * any lines; keys, hashes, ids and times may be others.
 */
export function differs(shown: readonly string[], real: readonly string[]): string | undefined {
  let at = 0;
  for (let n = 0; n < shown.length; n += 1) {
    const line = shown[n] ?? '';
    if (line.trim() === '…') {
      const next = shown[n + 1];
      if (next === undefined) return undefined;
      while (at < real.length && !fits(next, real[at] ?? '')) at += 1;
    } else if (at < real.length && fits(line, real[at] ?? '')) at += 1;
    else return `shown: ${line}\nreal:  ${real[at] ?? '(nothing more)'}`;
  }
  return at === real.length ? undefined : `shown: (nothing more)\nreal:  ${real[at]}`;
}
