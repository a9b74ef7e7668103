import type { ArgumentModel, CommandModel, OptionModel } from './command-model.ts';
import { splitOutside } from './host-range.ts';

/** What names stand for where somebody types. */
export interface KnownNames {
  readonly devices: readonly string[];
  readonly groups: readonly string[];
  /** Refusal codes, for `explain`. */
  readonly codes: readonly string[];
}

export type Completion =
  | { readonly is: 'words'; readonly words: readonly string[] }
  /** A name of a file on this machine: the shell knows these. */
  | { readonly is: 'files' };

const FILES = new Set(['file', 'key', 'local', 'paths', 'folder', 'dir', 'directory']);
const HOSTS = new Set(['hosts', 'device']);
/** More would fill the screen. */
const MOST_WORDS = 500;

/** What the last of the words could become; `words` are those after the name of the program. */
export function complete(root: CommandModel, words: readonly string[], names: KnownNames): Completion {
  const typed = words.at(-1) ?? '';
  const { command, places, open } = walk(root, words.slice(0, -1));
  if (open !== undefined) return fitting(typed, valuesOf(open, names));
  const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = optionOf(root, command, flag);
    if (option?.value === undefined) return NOTHING;
    const found = fitting(value, valuesOf(option, names));
    return found.is === 'files'
      ? found
      : { is: 'words', words: found.words.map((word) => `${flag}=${word}`) };
  }
  if (typed.startsWith('-')) {
    const all = [...command.options, ...root.options].flatMap(({ flags }) => flags.at(-1) ?? []);
    return fitting(typed, { is: 'words', words: [...new Set(all)].sort() });
  }
  const argument = command.arguments[places] ?? command.arguments.findLast(({ variadic }) => variadic);
  if (argument !== undefined && HOSTS.has(argument.name)) return { is: 'words', words: hosts(typed, names) };
  const below = places === 0 ? command.commands.map(({ name }) => name) : [];
  if (argument === undefined) return fitting(typed, { is: 'words', words: below });
  const values = valuesOf(argument, names);
  return fitting(typed, values.is === 'files' ? values : { is: 'words', words: [...below, ...values.words] });
}

const NOTHING: Completion = { is: 'words', words: [] };

interface Place {
  readonly command: CommandModel;
  /** Arguments that are there already. */
  readonly places: number;
  /** An option that waits for its value. */
  readonly open?: OptionModel;
}

function walk(root: CommandModel, words: readonly string[]): Place {
  let command = root;
  let places = 0;
  let open: OptionModel | undefined;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (word.startsWith('-')) {
      const option = optionOf(root, command, word);
      if (option?.value !== undefined && !word.includes('=')) open = option;
    } else {
      const below = places === 0 ? command.commands.find(({ name }) => name === word) : undefined;
      if (below === undefined) places += 1;
      else command = below;
    }
  }
  return { command, places, ...(open === undefined ? {} : { open }) };
}

function optionOf(root: CommandModel, command: CommandModel, word: string): OptionModel | undefined {
  const flag = word.replace(/=.*$/s, '');
  return [...command.options, ...root.options].find(({ flags }) => flags.includes(flag));
}

function valuesOf(of: OptionModel | ArgumentModel, names: KnownNames): Completion {
  if (of.choices !== undefined) return { is: 'words', words: of.choices };
  const name = ('value' in of ? (of.value ?? '') : 'name' in of ? of.name : '').replaceAll(/[<>[\].]/g, '');
  if (FILES.has(name)) return { is: 'files' };
  if (HOSTS.has(name)) return { is: 'words', words: [...names.devices, ...groupNames(names)] };
  return name === 'code' ? { is: 'words', words: names.codes } : NOTHING;
}

function fitting(typed: string, from: Completion): Completion {
  if (from.is === 'files') return from;
  return { is: 'words', words: from.words.filter((word) => word.startsWith(typed)).slice(0, MOST_WORDS) };
}

/** The last name of a list; what stands before it stays. */
function hosts(typed: string, names: KnownNames): readonly string[] {
  let last = typed;
  try {
    last = splitOutside(typed).at(-1) ?? '';
  } catch {
    // Within a bracket there are numbers, and these nobody needs to be told.
    return [];
  }
  const before = typed.slice(0, typed.length - last.length);
  return [...names.devices, ...groupNames(names)]
    .filter((name) => name.startsWith(last))
    .slice(0, MOST_WORDS)
    .map((name) => before + name);
}

function groupNames({ groups }: KnownNames): readonly string[] {
  return [...groups.map((name) => `@${name}`), '@all'];
}
