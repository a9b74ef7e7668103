import { parseArgs } from 'node:util';
import { asNsError, NsError } from '../../base/index.ts';
import { type LinkAddress, readLinkAddress } from '../link-address.ts';

export const CHAIN_HELP = `nightshift-chain: drives behind a daisy chain of pass-through controllers, as one disk

usage: nightshift-chain serve --member DRIVE [--member DRIVE ...] (--socket PATH | --port N) [options]
       nightshift-chain unit --member DRIVE --above LINK [--below LINK] [options]
       nightshift-chain ORDER --control PATH

serve puts one unit before each member, chains them, and offers what a host would see at the head as an NBD export.
unit runs one unit alone, its neighbours in other processes.

  --member DRIVE      a drive: an image file, a block device, or an NBD export (nbd+unix:///?socket=PATH,
                      nbd://HOST:PORT/NAME); repeat it in the order of the chain
  --sector-size N     logical sector size of the drives: 512 (default) or 4096
  --read-only         the export takes no writes
  --socket PATH       offer the export on a unix socket
  --port N            offer it on 127.0.0.1, port N
  --export NAME       name of the export; the empty name by default
  --tls-cert FILE, --tls-key FILE, --tls-ca FILE
                      TLS for the export; with a CA, clients must show a certificate of it
  --layout FILE       mirrors and spares (YAML; see docs/chain.md); without it the members are spanned
  --above LINK        unit: the link towards the head
  --below LINK        the link to the next unit, in another process or on a serial line; the whole chain then runs at
                      that link's pace
  --state DIR         what the units keep through loss of power: membership, lock, rebuild cursor;
                      without it nothing is kept
  --control PATH      a unix socket for the orders below
  --quiet             log nothing
  --version, --help

LINK: connect:PATH or listen:PATH (unix socket), serial:DEVICE[@BAUD]
ORDER: status, disable, enable, go-degraded, resync, own, hand-back; of mirrors: fail N, spare N, relocate N M;
       for trying out: pull N, plug N. N and M are places in the chain; the head is 0.

It runs until SIGTERM or SIGINT. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.
`;

export type { LinkAddress } from '../link-address.ts';

/** Where the export is offered. */
export type ExportAddress =
  | { readonly is: 'unix'; readonly path: string }
  | { readonly is: 'tcp'; readonly port: number };

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

export interface UnitOptions {
  readonly members: readonly string[];
  readonly sectorSize: 512 | 4096;
  readonly below?: LinkAddress;
  readonly state?: string;
  readonly control?: string;
  readonly quiet: boolean;
}

export interface ServeOptions extends UnitOptions {
  readonly at: ExportAddress;
  readonly exportName: string;
  readonly readOnly: boolean;
  readonly tls?: TlsFiles;
  readonly layout?: string;
}

export type ChainCommand =
  | { readonly is: 'help' | 'version' }
  | { readonly is: 'serve'; readonly options: ServeOptions }
  | { readonly is: 'unit'; readonly options: UnitOptions & { readonly above: LinkAddress } }
  | { readonly is: 'order'; readonly order: string; readonly control: string };

const ORDERS = ['status', 'disable', 'enable', 'go-degraded', 'resync', 'own', 'hand-back'];
/** Orders that name members, and how many. */
const PLACED_ORDERS: Readonly<Record<string, number>> = { pull: 1, plug: 1, fail: 1, spare: 1, relocate: 2 };
const MOST_MEMBERS = 256;

const OPTIONS = {
  member: { type: 'string', multiple: true },
  'sector-size': { type: 'string' },
  'read-only': { type: 'boolean' },
  socket: { type: 'string' },
  port: { type: 'string' },
  export: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-ca': { type: 'string' },
  layout: { type: 'string' },
  above: { type: 'string' },
  below: { type: 'string' },
  state: { type: 'string' },
  control: { type: 'string' },
  quiet: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** Reads a command line; NS_USAGE says in one sentence what is wrong with it. */
export function readChainArguments(argv: readonly string[]): ChainCommand {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { is: 'help' };
  if (values.version === true) return { is: 'version' };
  const [command, ...rest] = positionals;
  if (command === 'serve' && rest.length === 0) return { is: 'serve', options: serveOptions(values) };
  if (command === 'unit' && rest.length === 0) {
    if (values.above === undefined) throw usage('unit needs --above');
    if ((values.member ?? []).length !== 1) throw usage('unit needs one --member');
    return { is: 'unit', options: { ...unitOptions(values), above: linkAddress(values.above) } };
  }
  const order = orderText(command, rest);
  if (order === undefined)
    throw usage(command === undefined ? 'say what to do' : `"${positionals.join(' ')}" is no command`);
  if (values.control === undefined) throw usage(`${order} needs --control`);
  return { is: 'order', order, control: values.control };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw usage(asNsError(cause, 'NS_USAGE').message);
  }
}

function orderText(command: string | undefined, rest: readonly string[]): string | undefined {
  if (command === undefined) return undefined;
  if (ORDERS.includes(command) && rest.length === 0) return command;
  const places = rest.every((word) => /^\d{1,3}$/.test(word));
  if (!places || rest.length !== PLACED_ORDERS[command]) return undefined;
  return [command, ...rest].join(' ');
}

function unitOptions(values: Values): UnitOptions {
  const members = values.member ?? [];
  if (members.length > MOST_MEMBERS) throw usage(`a process takes at most ${MOST_MEMBERS} members`);
  const sectorSize = values['sector-size'] ?? '512';
  if (sectorSize !== '512' && sectorSize !== '4096') throw usage('--sector-size is 512 or 4096');
  return {
    members,
    sectorSize: sectorSize === '512' ? 512 : 4096,
    ...(values.below === undefined ? {} : { below: linkAddress(values.below) }),
    ...(values.state === undefined ? {} : { state: values.state }),
    ...(values.control === undefined ? {} : { control: values.control }),
    quiet: values.quiet === true,
  };
}

function serveOptions(values: Values): ServeOptions {
  const unit = unitOptions(values);
  if (unit.members.length === 0) throw usage('serve needs --member');
  const tls = tlsFiles(values);
  return {
    ...unit,
    at: exportAddress(values),
    exportName: values.export ?? '',
    readOnly: values['read-only'] === true,
    ...(tls === undefined ? {} : { tls }),
    ...(values.layout === undefined ? {} : { layout: values.layout }),
  };
}

function exportAddress(values: Values): ExportAddress {
  if ((values.socket === undefined) === (values.port === undefined))
    throw usage('serve needs --socket or --port');
  if (values.socket !== undefined) return { is: 'unix', path: values.socket };
  return { is: 'tcp', port: wholeNumber(values.port ?? '', '--port', 0, 65_535) };
}

function tlsFiles(values: Values): TlsFiles | undefined {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca } = values;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) throw usage('TLS needs --tls-cert and --tls-key');
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

function linkAddress(text: string): LinkAddress {
  try {
    return readLinkAddress(text);
  } catch (error) {
    throw usage(asNsError(error, 'NS_USAGE').sentence);
  }
}

function wholeNumber(text: string, what: string, minimum: number, maximum: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw usage(`${what} is a number from ${minimum} to ${maximum}`);
  return value;
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', `${sentence}; see nightshift-chain --help`, { family: 'caller' });
}
