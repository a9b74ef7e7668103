import { join, resolve } from 'node:path';
import type { LeafKind } from '../../adapters/pki/profiles.ts';
import {
  type AskPassphrase,
  addAuthority,
  current,
  initSite,
  issue as issueCertificates,
  type Place,
  retireOld,
  revoke as revokeCertificates,
  type Wanted,
} from '../../adapters/pki/site.ts';
import { type Issued, readSite, type Site } from '../../adapters/pki/site-file.ts';
import { NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine, parseCount } from '../../fleet/index.ts';
import { NAME } from '../../protocol/index.ts';
import type { Context } from './context.ts';

export interface DirOption {
  readonly dir: string;
}
export interface DaysOption {
  readonly days?: string;
}

const MOST_DAYS = 7300;
export const DAY = 86_400;

export const placeOf = ({ dir }: DirOption): Place => ({
  directory: resolve(dir),
  now: Math.floor(Date.now() / 1000),
});
const daysOf = ({ days }: DaysOption) =>
  days === undefined ? {} : { days: parseCount(days, 'number of days', 1, MOST_DAYS) };
export const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
const asker =
  (context: Context): AskPassphrase =>
  (number) =>
    context.passphrase(`Passphrase of the authority ca-${number}`);

export function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

export function named(name: string): string {
  if (!NAME.test(name)) throw usage(`"${name}" is no name; use letters, digits, ".", "_" and "-"`);
  return name;
}

async function newPassphrase(context: Context): Promise<string> {
  if (process.env.NIGHTSHIFT_PASSPHRASE_FILE !== undefined) return context.passphrase('Passphrase');
  const first = await context.terminal.secret('New passphrase of the authority');
  if (first !== (await context.terminal.secret('The same again'))) throw usage('the two passphrases differ');
  return first;
}

/** Says what was done: a line of JSON, or lines for people. */
export function say(
  context: Context,
  fact: Readonly<Record<string, unknown>>,
  ...lines: readonly string[]
): void {
  if (context.json) context.terminal.print(jsonLine('pki', fact));
  else for (const line of lines) context.terminal.print(line);
}

function sayAuthority(context: Context, { directory }: Place, site: Site): void {
  const { number, until } = site.authorities.at(-1) ?? { number: 0, until: 0 };
  const files = {
    key: join(directory, `ca-${number}.key`),
    certificate: join(directory, `ca-${number}.pem`),
  };
  const bundle = join(directory, 'ca.pem');
  say(
    context,
    { authority: number, ...files, bundle, until, permit: site.permit },
    `${files.key}: the authority's private key. Whoever has it and its passphrase can be any broker and device.`,
    `${files.certificate}: its certificate, until ${dayOf(until)}, for brokers called: ${site.permit.join(', ')}`,
    `${bundle}: what devices, operators and the broker believe ("ca")`,
    `${join(directory, 'crl.pem')}: what it has taken back, for the broker`,
  );
}

async function issue(context: Context, place: Place, wanted: readonly Wanted[]): Promise<ExitCode> {
  const made = await issueCertificates(place, wanted, asker(context));
  for (const { kind, name, file, pin, until, authority } of made) {
    say(
      context,
      { kind, name, key: `${file}.key`, certificate: `${file}.pem`, authority, until, pin },
      `${file}.pem, ${file}.key: ${kind} ${name}, by ca-${authority}, until ${dayOf(until)}`,
      ...(kind === 'broker' ? [`  pin: ${pin}`] : []),
    );
  }
  if (made.some(({ kind }) => kind === 'operator') && !context.json) {
    context.terminal.warn(
      'The access list knows a new operator only when "nightshift pki mosquitto" wrote it anew.',
    );
  }
  return EXIT.done;
}

/** New names only: what is there already is renewed by a word of its own. */
async function issueNew(context: Context, place: Place, wanted: readonly Wanted[]): Promise<ExitCode> {
  const site = await readSite(place.directory);
  const inUse = current(site);
  for (const { kind, name } of wanted) {
    named(name);
    if (inUse.some((one) => one.kind === kind && one.name === name)) {
      throw usage(`${kind} ${name} has a certificate; "nightshift pki renew ${kind}/${name}" makes another`);
    }
  }
  if (new Set(wanted.map(({ name }) => name)).size < wanted.length) throw usage('a name is there twice');
  return issue(context, place, wanted);
}

/** "device/rack1", or "rack1" where only one kind has that name. */
export function pick(from: readonly Issued[], text: string): Issued[] {
  const [first = '', second] = text.split('/');
  const found = from.filter((one) =>
    second === undefined ? one.name === first : one.kind === first && one.name === second,
  );
  if (found.length === 0)
    throw usage(`nothing is certified under the name "${text}"; see "nightshift pki list"`);
  if (new Set(found.map(({ kind }) => kind)).size > 1) {
    throw usage(
      `"${text}" names ${found.map(({ kind, name }) => `${kind}/${name}`).join(' and ')}; say which`,
    );
  }
  return found;
}

export interface RenewOptions extends DirOption, DaysOption {
  readonly ca?: true;
  readonly all?: true;
  readonly within?: string;
}

export async function renew(context: Context, names: readonly string[], o: RenewOptions): Promise<ExitCode> {
  const place = placeOf(o);
  if (o.ca === true) {
    if (names.length > 0) throw usage('--ca stands alone');
    await readSite(place.directory);
    sayAuthority(context, place, await addAuthority(place, daysOf(o).days, await newPassphrase(context)));
    if (!context.json) {
      for (const line of ROTATION) context.terminal.warn(line);
    }
    return EXIT.done;
  }
  const inUse = current(await readSite(place.directory));
  const soon =
    o.within === undefined
      ? undefined
      : place.now + parseCount(o.within, 'number of days', 1, MOST_DAYS) * DAY;
  if (names.length === 0 && o.all !== true && soon === undefined)
    throw usage('name what to renew, or --all, --within DAYS, --ca');
  const chosen = names.length > 0 ? names.flatMap((text) => pick(inUse, text)) : inUse;
  const due = chosen.filter(({ until }) => soon === undefined || until < soon);
  if (due.length === 0) {
    say(context, { renewed: 0 }, 'nothing is due');
    return EXIT.done;
  }
  const wanted = due.map(({ kind, name, names: hosts }) => ({
    kind,
    name,
    ...(hosts === undefined ? {} : { names: hosts }),
    ...daysOf(o),
  }));
  return issue(context, place, wanted);
}

const ROTATION = [
  'Now, in this order: 1. bring the new ca.pem and crl.pem to the broker, and ca.pem to every device and operator;',
  '2. "nightshift pki renew --all", and bring each its certificate and key; 3. "nightshift pki retire", and bring',
  'ca.pem and crl.pem around once more. Until then old and new certificates work side by side.',
];

export interface RevokeOptions extends DirOption {
  readonly replaced?: true;
}

export async function revoke(
  context: Context,
  names: readonly string[],
  o: RevokeOptions,
): Promise<ExitCode> {
  const place = placeOf(o);
  const site = await readSite(place.directory);
  const inUse = new Set(current(site));
  const live = site.issued.filter((one) => one.revoked === undefined && one.until > place.now);
  const taken = names
    .flatMap((text) => pick(live, text))
    .filter((one) => o.replaced !== true || !inUse.has(one));
  if (taken.length === 0) throw usage('none of them has a replaced certificate');
  await revokeCertificates(place, taken, asker(context));
  for (const { kind, name, serial } of taken) {
    say(context, { revoked: serial, kind, name }, `revoked: ${kind} ${name}, serial ${serial}`);
  }
  if (!context.json) {
    context.terminal.warn(
      `Bring ${join(place.directory, 'crl.pem')} to the broker and restart it: who is connected stays so until then.`,
    );
  }
  return EXIT.done;
}

export async function init(
  context: Context,
  dir: string,
  o: DaysOption & { readonly permit: readonly string[]; readonly tenant: string },
): Promise<ExitCode> {
  const place = placeOf({ dir });
  const options = { tenant: named(o.tenant), permit: o.permit, ...daysOf(o) };
  sayAuthority(context, place, await initSite(place, options, await newPassphrase(context)));
  return EXIT.done;
}

export function broker(
  context: Context,
  name: string,
  o: DirOption & DaysOption & { readonly dns?: readonly string[]; readonly ip?: readonly string[] },
): Promise<ExitCode> {
  const names = [...(o.dns ?? []), ...(o.ip ?? [])];
  return issueNew(context, placeOf(o), [{ kind: 'broker', name, names, ...daysOf(o) }]);
}

export function clients(
  context: Context,
  kind: LeafKind,
  names: readonly string[],
  o: DirOption & DaysOption,
): Promise<ExitCode> {
  const wanted = names.map((name) => ({ kind, name, ...daysOf(o) }));
  return issueNew(context, placeOf(o), wanted);
}

export async function retire(context: Context, o: DirOption): Promise<ExitCode> {
  const place = placeOf(o);
  const site = await retireOld(place);
  const believed = site.authorities.filter(({ retired }) => retired !== true).map(({ number }) => number);
  const names = believed.map((number) => `ca-${number}`).join(', ');
  say(context, { believed }, `${join(place.directory, 'ca.pem')}: ${names} alone`);
  return EXIT.done;
}
