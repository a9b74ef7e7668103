import { NsError } from '../../base/index.ts';
import { paged, type Talk } from '../../console/index.ts';
import { showOutcome } from '../../fleet/index.ts';
import type { ArgsOf, Verb } from '../../protocol/index.ts';
import type { ShowOptions } from '../../show/index.ts';
import type { GiveOptions, OrderEnd } from './console-orders.ts';

/** Hints that belong to the operator's command. */
const NOT_HERE = /^nothing was written; to do exactly this|^\u2026 there is more: --after /;
/** Remedies that the operator's command words in its own way, and what is typed here; by the order that was given. */
const HERE: readonly (readonly [verb: Verb, there: string, here: string])[] = [
  ['memory.check', 'Name one with --disk.', 'Name one of them: memcheck storage DISK.'],
  ['file.upload', 'Say -r to mean it and all in it.', 'Name one file in it.'],
];
/** Commands of the operator's that are typed so here too. */
const HERE_TOO = /"nightshift (?=(?:ls|io list|status|tasks|staged|stat|find|chain|rm|audit)")/g;
/** What a command works with. */
export interface Hands {
  readonly talk: Talk;
  readonly device: string;
  readonly now: number;
  readonly give: <V extends Verb>(verb: V, args: ArgsOf<V>, options?: GiveOptions) => Promise<OrderEnd<V>>;
  /** Gives it and shows how it ended. */
  readonly show: <V extends Verb>(verb: V, args: ArgsOf<V>, options?: ShowOptions) => Promise<OrderEnd<V>>;
}

export const usage = (sentence: string): NsError => new NsError('NS_USAGE', sentence, { family: 'caller' });

/** Words that begin with "-" and are among these, each with the word after it where it takes one; and all others. */
export function optionsIn(
  words: readonly string[],
  known: Readonly<Record<string, 'alone' | 'with'>>,
): { readonly given: readonly (readonly [name: string, value: string])[]; readonly rest: readonly string[] } {
  const given: (readonly [string, string])[] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!;
    const takes = Object.hasOwn(known, word) ? known[word] : undefined;
    if (takes === undefined) {
      if (word.startsWith('-')) throw usage(`there is no option ${word} here; see "help"`);
      rest.push(word);
    } else if (takes === 'alone') given.push([word, '']);
    else {
      i += 1;
      const value = words[i];
      if (value === undefined) throw usage(`${word} takes a word more`);
      given.push([word, value]);
    }
  }
  return { given, rest };
}

export function onlyOne(words: readonly string[], what: string): string {
  const [word, ...more] = words;
  if (word === undefined) throw usage(`${what} is missing; see "help"`);
  if (more.length > 0) throw usage(`one ${what} at a time; put a name with blanks in quotes`);
  return word;
}

export const flags = <K extends string>(on: boolean, key: K): { readonly [key in K]?: true } =>
  (on ? { [key]: true } : {}) as { readonly [key in K]?: true };

export async function sure(talk: Talk, device: string, why: string): Promise<boolean> {
  const typed = (await talk.ask(`Type the name of this device ${why}: `)).trim();
  if (typed === device) return true;
  talk.say(typed === '' ? 'Left. Nothing was done.' : `That is not ${device}. Nothing was done.`);
  return false;
}

/** One page of an answer after another, until there is none or whoever reads has enough. `next`: where the one after begins. */
export async function pages(
  talk: Talk,
  next: (page: { readonly after?: string }) => Promise<string | undefined>,
): Promise<void> {
  let after = await next({});
  while (after !== undefined) {
    const said = await talk.ask('-- there is more (q ends) -- ');
    if (/^q/i.test(said.trim())) return;
    after = await next({ after });
  }
}

/** How an order ended, as the operator's command shows it, on paper of 79 columns and seven bits. */
export async function showEnd<V extends Verb>(
  talk: Talk,
  verb: V,
  end: OrderEnd<V>,
  options: ShowOptions = {},
): Promise<void> {
  const outcome = end.is === 'refused' ? ({ is: 'rejected', refusal: end.refusal } as const) : end;
  const lines = showOutcome(verb, outcome, options).filter((line) => !NOT_HERE.test(line));
  await paged(
    talk,
    lines.map((line) => (line.startsWith('remedy: ') ? remedyHere(verb, line) : line)),
  );
}

function remedyHere(verb: Verb, line: string): string {
  const other = HERE.find(([order, there]) => order === verb && line.endsWith(there));
  const [, there, here] = other ?? [verb, '', ''];
  return (other === undefined ? line : line.replace(there, here)).replaceAll(HERE_TOO, '"');
}
