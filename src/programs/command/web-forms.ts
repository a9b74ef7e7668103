import { Command, CommanderError } from 'commander';
import { fromHex, NsError, toHex } from '../../base/index.ts';
import { foldHosts } from '../../fleet/index.ts';
import type { Order, ResultOf, Verb } from '../../protocol/index.ts';
import { destructionOf, needsTwoPeople } from '../../security/index.ts';
import type { ShowOptions } from '../../show/index.ts';
import type { OrderField, OrderForm, PrepareBody } from '../../web/index.ts';
import { modelOf } from './completion.ts';
import { GIVEN, type Given, OPTIONS_LEFT, type Options, unread } from './web-commands.ts';

/** What an order is, whomever it is for. */
export interface WantedOrder {
  readonly order: Pick<Order, 'verb' | 'args'>;
  readonly show: ShowOptions;
  /** The same on a command line; hosts whose effects differ have a line each there. */
  readonly commandLine: (hosts: readonly string[], effect: Uint8Array | undefined) => string;
  /** The same tried dry, where one person may do that; its effect is what the order is then bound to. */
  readonly dry: Pick<Order, 'verb' | 'args'> | undefined;
  /** To be confirmed by more than a button. */
  readonly grave: boolean;
  /** How long it may be on its way to the second person, as typed. */
  readonly valid: string | undefined;
}

const nameOf = ({ path }: Given): string => path.join(' ');

function commandAt(program: Command, path: readonly string[]): Command {
  return path.reduce((command, name) => {
    const below = command.commands.find((each) => each.name() === name);
    if (below === undefined) throw new NsError('NS_BUG', `there is no command ${path.join(' ')}`);
    return below;
  }, program);
}

function fieldsOf(command: Command): readonly OrderField[] {
  const model = modelOf(command);
  const mandatory = new Set(command.options.flatMap(({ mandatory, long }) => (mandatory ? [long] : [])));
  const many = new Set(
    command.options
      .filter((each) => each.variadic || (each.parseArg !== undefined && each.argChoices === undefined))
      .map(({ long }) => long),
  );
  const fields = model.arguments
    .filter(({ name }) => name !== 'hosts')
    .map(({ name, required, choices }): OrderField => {
      const says =
        command.registeredArguments.find((argument) => argument.name() === name)?.description ?? '';
      return {
        name,
        kind: choices === undefined ? 'text' : 'choice',
        ...(choices === undefined ? {} : { choices }),
        required,
        many: false,
        says,
      };
    });
  const options = model.options.flatMap(({ flags, value, choices, says }): OrderField[] => {
    const name = flags.at(-1) ?? '';
    if (OPTIONS_LEFT.has(name) || !name.startsWith('--')) return [];
    const kind = value === undefined ? 'flag' : choices === undefined ? 'text' : 'choice';
    const list = choices === undefined ? {} : { choices };
    return [{ name, kind, ...list, required: mandatory.has(name), many: many.has(name), says }];
  });
  return [...fields, ...options];
}

/** The forms of the page, out of the commands as they stand. */
export function orderForms(program: Command): readonly OrderForm[] {
  return GIVEN.map((given) => {
    const command = commandAt(program, given.path);
    return {
      command: nameOf(given),
      says: command.description(),
      fields: fieldsOf(command),
      changes: given.changes,
      tokens: ['file.delete', 'machine.disable'].includes(given.verb),
    };
  });
}

/** Command and options as typed, from the values of a form. NS_USAGE where one is none of its fields. */
function wordsOf(fields: readonly OrderField[], values: PrepareBody['values']) {
  const options: string[] = [];
  const positional: string[] = [];
  for (const name of Object.keys(values)) {
    if (!fields.some((field) => field.name === name)) throw unread(`there is no field "${name}"`);
  }
  for (const { name, kind, many } of fields) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) continue;
    if (kind === 'flag' || value === true) {
      if (kind !== 'flag' || value !== true)
        throw unread(`the field "${name}" has a value that does not fit`);
      options.push(name);
      continue;
    }
    const texts = typeof value === 'string' ? [value] : value;
    if (texts.length > 1 && !many) throw unread(`the field "${name}" is given once only`);
    if (name.startsWith('--')) options.push(...texts.map((text) => `${name}=${text}`));
    else positional.push(...texts);
  }
  return { options, positional };
}

/** Read by the options of the command itself: what they refuse is refused here in the same words. */
function parsed(command: Command, words: readonly string[]): { words: readonly string[]; options: Options } {
  const reader = new Command(command.name()).exitOverride().configureOutput({ outputError: () => undefined });
  for (const argument of command.registeredArguments) {
    if (argument.name() !== 'hosts') reader.addArgument(argument);
  }
  for (const option of command.options) {
    if (!OPTIONS_LEFT.has(option.long ?? '')) reader.addOption(option);
  }
  let read: readonly string[] = [];
  reader.action(() => {
    read = reader.args;
  });
  try {
    reader.parse([...words], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw unread(error.message.replace(/^error: /, ''));
    throw error;
  }
  return { words: read, options: reader.opts() };
}

const SAFE = /^[A-Za-z0-9_./:=@%+,-]+$/;
const quoted = (word: string): string => (SAFE.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** What a filled form asks for. NS_USAGE, in the words of the command. */
export async function readForm(program: Command, asked: Omit<PrepareBody, 'hosts'>): Promise<WantedOrder> {
  const given = GIVEN.find((each) => nameOf(each) === asked.command);
  if (given === undefined) throw unread(`"${asked.command}" is no order of this page`);
  const command = commandAt(program, given.path);
  const { options, positional } = wordsOf(fieldsOf(command), asked.values);
  const { words, options: o } = parsed(command, [...options, '--', ...positional]);
  const args = { ...(await given.args(words, o)), ...afterOf(given, asked.after) };
  const order = { verb: given.verb, args } as Pick<Order, 'verb' | 'args'>;
  const two = needsTwoPeople(order);
  const name = two && given.path[0] !== 'sign' ? `sign ${nameOf(given)}` : nameOf(given);
  const files = `${two ? ' -o FILE' : ''}${destructionOf(order) === undefined ? '' : ' --tokens FILE'}`;
  const rest = [...positional, ...options].map(quoted).join(' ');
  return {
    order,
    show: { ...(o.long === true ? { long: true } : {}) },
    commandLine: (hosts, effect) => {
      const approve = effect === undefined ? '' : ` --approve ${toHex(effect)}`;
      return `nightshift ${name} ${foldHosts(hosts)} ${rest}`.trimEnd() + approve + files;
    },
    dry: dryOf(order),
    grave: given.grave(o),
    valid: typeof o.valid === 'string' ? o.valid : undefined,
  };
}

/** The cursor that the device gave: of a search, names as the bytes on disk. */
function afterOf({ paged, verb }: Given, after: string | undefined): { readonly after?: unknown } {
  if (after === undefined) return {};
  if (paged !== true) throw unread('this order has no pages');
  if (verb !== 'file.find') return { after };
  const names = after.split('/');
  if (!names.every((name) => /^(?:[0-9a-f]{2}){1,255}$/.test(name))) throw unread('there is no such page');
  return { after: names.map(fromHex) };
}

/** What changes something in one step can be tried before. A dry run of what takes two people takes two as well. */
function dryOf({ verb, args }: Pick<Order, 'verb' | 'args'>): Pick<Order, 'verb' | 'args'> | undefined {
  if (verb !== 'file.delete' && verb !== 'io.write' && verb !== 'chain.sync') return undefined;
  const { stage: _, ...now } = args as { readonly stage?: unknown };
  const dry = { verb, args: { ...now, dryRun: true } } as Pick<Order, 'verb' | 'args'>;
  return needsTwoPeople(dry) ? undefined : dry;
}

/** Where the next page begins, if the result has one; to be given as `after`. */
export function nextOf(verb: Verb, result: unknown): string | undefined {
  if (verb === 'file.list') return (result as ResultOf<'file.list'> | undefined)?.next;
  if (verb !== 'file.find') return undefined;
  return (result as ResultOf<'file.find'> | undefined)?.next?.map(toHex).join('/');
}
