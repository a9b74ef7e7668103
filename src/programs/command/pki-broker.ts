import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mosquittoAcl, mosquittoConf } from '../../adapters/pki/mosquitto-files.ts';
import { current, leafFile, pinText, readCertificate, setRights } from '../../adapters/pki/site.ts';
import { type Issued, readSite, replaceFile, type Site } from '../../adapters/pki/site-file.ts';
import { EXIT, type ExitCode, jsonLine, parseCount } from '../../fleet/index.ts';
import { table } from '../../show/index.ts';
import type { Context } from './context.ts';
import { DAY, type DirOption, dayOf, named, pick, placeOf, say, usage } from './pki-work.ts';

export async function list(context: Context, o: DirOption): Promise<ExitCode> {
  const place = placeOf(o);
  const site = await readSite(place.directory);
  const inUse = new Set(current(site));
  const state = (one: { until: number; revoked?: number | undefined }, live: boolean): string => {
    if (one.revoked !== undefined) return `revoked ${dayOf(one.revoked)}`;
    if (one.until <= place.now) return 'ended';
    return live ? `good for ${Math.floor((one.until - place.now) / DAY)} days` : 'replaced';
  };
  const rows: string[][] = [];
  const add = async (
    kind: string,
    name: string,
    file: string,
    one: Issued | Site['authorities'][number],
    live: boolean,
  ) => {
    const pin = pinText(await readCertificate(`${file}.pem`));
    const says = state(one, live);
    if (context.json)
      context.terminal.print(
        jsonLine('certificate', { kind, name, file: `${file}.pem`, until: one.until, state: says, pin }),
      );
    rows.push([
      kind,
      name,
      `${file}.pem`,
      dayOf(one.until),
      says,
      kind === 'ca' || kind === 'broker' ? pin : '',
    ]);
  };
  for (const one of site.authorities) {
    await add('ca', `ca-${one.number}`, join(place.directory, `ca-${one.number}`), one, one.retired !== true);
  }
  for (const one of site.issued)
    await add(one.kind, one.name, leafFile(place.directory, one), one, inUse.has(one));
  if (!context.json) for (const line of table(rows)) context.terminal.print(line);
  return EXIT.done;
}

export interface RightsOptions extends DirOption {
  readonly group?: readonly string[];
  readonly standsFor?: readonly string[];
}

export async function rights(
  context: Context,
  devices: readonly string[],
  o: RightsOptions,
): Promise<ExitCode> {
  const place = placeOf(o);
  const given = { groups: [...(o.group ?? [])].map(named), standsFor: [...(o.standsFor ?? [])].map(named) };
  for (const device of devices.map(named)) {
    await setRights(place, device, given);
    say(
      context,
      { device, ...given },
      `${device}: groups ${given.groups.join(', ') || 'none'}; stands for ${given.standsFor.join(', ') || 'nobody'}`,
    );
  }
  if (!context.json)
    context.terminal.warn('In force when "nightshift pki mosquitto" has written the access list anew.');
  return EXIT.done;
}

export interface MosquittoOptions extends DirOption {
  readonly at: string;
  readonly port: string;
  readonly replace?: true;
}

export async function mosquitto(
  context: Context,
  broker: string,
  out: string,
  o: MosquittoOptions,
): Promise<ExitCode> {
  const place = placeOf(o);
  const site = await readSite(place.directory);
  const [one] = pick(
    current(site).filter(({ kind }) => kind === 'broker'),
    broker,
  );
  if (one === undefined) throw usage(`no broker is called "${broker}"`);
  if (!/^\/[\w./-]*$/.test(o.at)) throw usage(`--at is an absolute path without blanks, not "${o.at}"`);
  const target = resolve(out);
  await mkdir(target, { recursive: true, mode: 0o700 });
  if (o.replace !== true && (await readdir(target)).length > 0) {
    throw usage(`${target} is not empty; say --replace to write its files anew`);
  }
  const leaf = leafFile(place.directory, one);
  const files: readonly (readonly [string, string])[] = [
    ['mosquitto.conf', mosquittoConf(o.at, parseCount(o.port, 'port', 1, 65_535))],
    ['acl', mosquittoAcl(site)],
    ['ca.pem', await readFile(join(place.directory, 'ca.pem'), 'utf8')],
    ['crl.pem', await readFile(join(place.directory, 'crl.pem'), 'utf8')],
    ['broker.pem', await readFile(`${leaf}.pem`, 'utf8')],
    ['broker.key', await readFile(`${leaf}.key`, 'utf8')],
  ];
  for (const [name, content] of files) await replaceFile(join(target, name), content);
  say(
    context,
    { directory: target, at: o.at, files: files.map(([name]) => name) },
    `${target}: ${files.map(([name]) => name).join(', ')}`,
    `Bring them to ${o.at} on the broker's machine, for the user mosquitto alone, and name mosquitto.conf there in an`,
    'include_dir or as the configuration. Restart mosquitto after a change.',
  );
  return EXIT.done;
}
