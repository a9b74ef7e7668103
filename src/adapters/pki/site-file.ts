import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { asNsError, NsError, shapeConfig } from '../../base/index.ts';
import { LEAF_KINDS } from './profiles.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const moment = v.pipe(v.number(), v.integer());

const schema = v.strictObject({
  v: v.literal(1),
  tenant: v.string(),
  permit: v.array(v.string()),
  /** By number, from 1; the last one signs. */
  authorities: v.array(v.strictObject({ number: count, until: moment, retired: v.optional(v.boolean()) })),
  issued: v.array(
    v.strictObject({
      serial: v.pipe(v.string(), v.regex(/^([0-9A-F]{2})+$/)),
      kind: v.picklist(LEAF_KINDS),
      name: v.string(),
      /** Counts the certificates of one name; the highest is the one in use. */
      number: count,
      authority: count,
      /** The names of a broker. */
      names: v.optional(v.array(v.string())),
      until: moment,
      revoked: v.optional(moment),
    }),
  ),
  /** Of devices, beyond their own topics. */
  rights: v.record(
    v.string(),
    v.strictObject({ groups: v.array(v.string()), standsFor: v.array(v.string()) }),
  ),
  crlNumber: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** What a site's authority has done so far. Holds no secret. Times in seconds since 1970. */
export type Site = v.InferOutput<typeof schema>;
export type Issued = Site['issued'][number];

export const SITE_FILE = 'site.json';

/** NS_PKI_SITE where the directory holds no site, or a damaged one. */
export async function readSite(directory: string): Promise<Site> {
  const path = join(directory, SITE_FILE);
  try {
    return shapeConfig(schema, JSON.parse(await readFile(path, 'utf8')), path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? `${directory} holds no authority; begin with "nightshift pki init"`
      : asNsError(cause).message;
    throw new NsError('NS_PKI_SITE', why, { family: 'caller', cause });
  }
}

export async function writeSite(directory: string, site: Site): Promise<void> {
  await replaceFile(join(directory, SITE_FILE), `${JSON.stringify(site, null, 1)}\n`);
}

/** A new file, whole or not there, for its owner only. NS_PKI_EXISTS where the name is taken. */
export async function newFile(path: string, content: string): Promise<void> {
  const draft = await writeDraft(path, content);
  try {
    // Unlike rename, link fails where the name is taken.
    await link(draft, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new NsError('NS_PKI_EXISTS', `${path} is there already; nothing is overwritten`, {
      family: 'caller',
      cause,
    });
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces what this program made itself. */
export async function replaceFile(path: string, content: string): Promise<void> {
  await rename(await writeDraft(path, content), path);
}

async function writeDraft(path: string, content: string): Promise<string> {
  const draft = join(dirname(path), `.new-${randomBytes(8).toString('hex')}`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

/**
 * Gives a working directory that is gone afterwards, and with it what was cut off: private keys leave it only whole. One
 * program at a time has it. NS_PKI_BUSY.
 */
export async function withWork<T>(directory: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(directory, '.work');
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new NsError('NS_PKI_BUSY', `another "nightshift pki" works there; if none runs, remove ${path}`, {
      family: 'caller',
      cause,
    });
  }
  try {
    return await work(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}
