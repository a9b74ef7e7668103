import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NsError } from '../../base/index.ts';
import { pinOf } from '../mqtt/broker-trust.ts';
import {
  type Authority,
  authorityFile,
  issueLeaf,
  makeAuthority,
  openAuthority,
  revocationList,
  type Validity,
} from './authority.ts';
import { isAddress, isDomain, isPermitted, readPermit } from './permitted-names.ts';
import { commonNameOf, type LeafKind } from './profiles.ts';
import {
  type Issued,
  newFile,
  readSite,
  replaceFile,
  SITE_FILE,
  type Site,
  withWork,
  writeSite,
} from './site-file.ts';

/** Where a site's authority lives, and what time it is there, in seconds since 1970. */
export interface Place {
  readonly directory: string;
  readonly now: number;
}

/** Asked for with the number of the authority whose key is to be opened. */
export type AskPassphrase = (authority: number) => Promise<string>;

export interface Wanted {
  readonly kind: LeafKind;
  readonly name: string;
  /** Of a broker: DNS names and addresses. */
  readonly names?: readonly string[];
  readonly days?: number;
}

const DAY = 86_400;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS: Readonly<Record<LeafKind, number>> = { broker: 730, device: 1825, operator: 365 };
/** Valid from a day ago: a broker whose clock is somewhat behind takes a fresh certificate all the same. */
const EARLIER = DAY;
/** X.520, ub-common-name. */
const LONGEST_NAME = 64;

/** A new site in a new or empty place: its first authority, its bundle and an empty list of revocations. */
export async function initSite(
  { directory, now }: Place,
  options: { readonly tenant: string; readonly permit: readonly string[]; readonly days?: number },
  passphrase: string,
): Promise<Site> {
  for (const text of options.permit) readPermit(text);
  if (options.permit.length === 0) throw usage('name what your brokers may be called: --permit');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const fresh: Site = {
    v: 1,
    tenant: options.tenant,
    permit: [...options.permit],
    authorities: [],
    issued: [],
    rights: {},
    crlNumber: 0,
  };
  return withWork(directory, async (work) => {
    if (await exists(join(directory, SITE_FILE))) {
      throw new NsError('NS_PKI_EXISTS', `${directory} holds an authority already; nothing is overwritten`, {
        family: 'caller',
      });
    }
    return anotherAuthority({ directory, now }, work, fresh, options.days, passphrase);
  });
}

/** A new authority beside the old ones, which stay in the bundle until they are retired. */
export function addAuthority(place: Place, days: number | undefined, passphrase: string): Promise<Site> {
  return withWork(place.directory, async (work) =>
    anotherAuthority(place, work, await readSite(place.directory), days, passphrase),
  );
}

async function anotherAuthority(
  place: Place,
  work: string,
  site: Site,
  days: number | undefined,
  passphrase: string,
): Promise<Site> {
  const { directory, now } = place;
  const number = site.authorities.length + 1;
  const validity = validityOf(now, days ?? AUTHORITY_DAYS);
  const profile = {
    is: 'authority',
    commonName: `Nightshift ${site.tenant.slice(0, 40)} CA ${number}`,
    permits: site.permit.map(readPermit),
  } as const;
  const made = await makeAuthority(work, profile, validity, passphrase);
  await newFile(authorityFile(directory, number, 'key'), made.key);
  await newFile(authorityFile(directory, number, 'pem'), made.pem);
  const next: Site = { ...site, authorities: [...site.authorities, { number, until: validity.until }] };
  return publish(place, work, next, [await openAuthority(directory, number, passphrase)]);
}

/** Certificates for all of these by the newest authority: all, or where one is refused, none. */
export function issue(
  place: Place,
  wanted: readonly Wanted[],
  ask: AskPassphrase,
): Promise<readonly (Issued & { readonly file: string; readonly pin: string })[]> {
  const { directory, now } = place;
  return withWork(directory, async (work) => {
    const site = await readSite(directory);
    const number = site.authorities.at(-1)?.number ?? 0;
    for (const one of wanted) judgeName(site, one);
    const authority = await openAuthority(directory, number, await ask(number));
    const made: (Issued & { readonly file: string; readonly pin: string })[] = [];
    for (const one of wanted) {
      const { kind, name, names = [] } = one;
      const end = Date.parse(authority.certificate.validTo) / 1000;
      const validity = validityOf(now, one.days ?? LEAF_DAYS[kind], end);
      const commonName = commonNameOf(kind, name);
      const profile = kind === 'broker' ? { is: kind, commonName, names } : { is: kind, commonName };
      const signed = await issueLeaf(work, profile, validity, authority);
      const issued: Issued = {
        serial: signed.certificate.serialNumber,
        kind,
        name,
        number: await nextNumber(directory, site, one),
        authority: number,
        ...(names.length === 0 ? {} : { names: [...names] }),
        until: validity.until,
      };
      const file = leafFile(directory, issued);
      await mkdir(join(directory, kind), { recursive: true, mode: 0o700 });
      await newFile(`${file}.key`, signed.key);
      await newFile(`${file}.pem`, signed.pem);
      site.issued.push(issued);
      await writeSite(directory, site);
      made.push({ ...issued, file, pin: pinText(signed.certificate) });
    }
    return made;
  });
}

/** Takes certificates back, and writes the lists anew. */
export function revoke(place: Place, taken: readonly Issued[], ask: AskPassphrase): Promise<Site> {
  const { directory, now } = place;
  return withWork(directory, async (work) => {
    const site = await readSite(directory);
    const serials = new Set(taken.map(({ serial }) => serial));
    const numbers = new Set(taken.map(({ authority }) => authority));
    const open: Authority[] = [];
    for (const number of numbers) open.push(await openAuthority(directory, number, await ask(number)));
    const issued = site.issued.map((one) =>
      serials.has(one.serial) && one.revoked === undefined ? { ...one, revoked: now } : one,
    );
    return publish(place, work, { ...site, issued }, open);
  });
}

/** Takes all authorities but the newest out of the bundle. NS_PKI_IN_USE where one still vouches for somebody. */
export function retireOld(place: Place): Promise<Site> {
  const { directory, now } = place;
  return withWork(directory, async (work) => {
    const site = await readSite(directory);
    const newest = site.authorities.at(-1)?.number;
    const held = current(site).filter((one) => one.authority !== newest && one.until > now);
    if (held.length > 0) {
      const names = held.map(({ kind, name }) => `${kind}/${name}`).join(', ');
      throw new NsError('NS_PKI_IN_USE', `these are still certified by an old authority: ${names}`, {
        family: 'caller',
      });
    }
    const authorities = site.authorities.map((one) =>
      one.number === newest ? one : { ...one, retired: true },
    );
    return publish(place, work, { ...site, authorities }, []);
  });
}

export async function setRights(place: Place, device: string, rights: Site['rights'][string]): Promise<Site> {
  return withWork(place.directory, async () => {
    const site = await readSite(place.directory);
    const next = { ...site, rights: { ...site.rights, [device]: rights } };
    await writeSite(place.directory, next);
    return next;
  });
}

/** Writes the lists of the open authorities, then the record, then bundle and lists as others take them. */
async function publish(place: Place, work: string, site: Site, open: readonly Authority[]): Promise<Site> {
  const { directory, now } = place;
  let { crlNumber } = site;
  for (const authority of open) {
    crlNumber += 1;
    const revoked = site.issued.filter(
      (one) => one.revoked !== undefined && one.authority === authority.number,
    );
    const list = await revocationList(work, authority, revoked, crlNumber, now);
    await replaceFile(authorityFile(directory, authority.number, 'crl'), list);
  }
  const next = { ...site, crlNumber };
  await writeSite(directory, next);
  const believed = next.authorities.filter(({ retired }) => retired !== true);
  for (const [name, ending] of [
    ['ca.pem', 'pem'],
    ['crl.pem', 'crl'],
  ] as const) {
    const parts = believed.map(({ number }) => readFile(authorityFile(directory, number, ending), 'utf8'));
    await replaceFile(join(directory, name), (await Promise.all(parts)).join(''));
  }
  return next;
}

/** Past what a run that was cut off may have left behind without a record. */
async function nextNumber(directory: string, site: Site, { kind, name }: Wanted): Promise<number> {
  let number = 1 + Math.max(0, ...all(site, kind, name).map((one) => one.number));
  while (await exists(`${leafFile(directory, { kind, name, number })}.key`)) number += 1;
  return number;
}

function judgeName(site: Site, { kind, name, names = [] }: Wanted): void {
  if (commonNameOf(kind, name).length > LONGEST_NAME) throw usage(`"${name}" is too long for a certificate`);
  const permits = site.permit.map(readPermit);
  if (kind === 'broker' && names.length === 0) throw usage('name the broker as it is called: --dns or --ip');
  for (const one of names) {
    if (!isAddress(one) && !isDomain(one)) throw usage(`"${one}" is no DNS name and no address`);
    if (!isPermitted(one, permits)) {
      throw usage(`this authority may not certify "${one}", only: ${site.permit.join(', ')}`);
    }
  }
}

export const leafFile = (
  directory: string,
  { kind, name, number }: Pick<Issued, 'kind' | 'name' | 'number'>,
): string => join(directory, kind, `${name}-${number}`);

function all(site: Site, kind: LeafKind, name: string): Issued[] {
  return site.issued.filter((one) => one.kind === kind && one.name === name);
}

/** Of each name the certificate in use: the newest one, where it is not revoked. */
export function current(site: Site): Issued[] {
  return site.issued.filter(
    (one) =>
      one.revoked === undefined && !all(site, one.kind, one.name).some(({ number }) => number > one.number),
  );
}

/** As `broker.pin` takes it. */
export function pinText(certificate: X509Certificate): string {
  return `sha256:${pinOf(certificate)}`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

export async function readCertificate(path: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(path, 'utf8'));
}

function validityOf(now: number, days: number, end = Number.POSITIVE_INFINITY): Validity {
  const until = Math.min(now + days * DAY, end);
  if (until <= now)
    throw usage('the authority itself has ended; make a new one: "nightshift pki renew --ca"');
  return { from: now - EARLIER, until };
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}
