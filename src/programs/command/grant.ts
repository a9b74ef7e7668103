import type { Command } from 'commander';
import { systemEntropy } from '../../adapters/entropy.ts';
import { readOrderText, writeOrderText } from '../../adapters/order-file.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { NsError } from '../../base/index.ts';
import {
  decodeGrantFile,
  EXIT,
  type ExitCode,
  encodeGrantFile,
  type GrantFile,
  jsonLine,
  LARGEST_GRANT_FILE,
  linksIn,
  showGrant,
} from '../../fleet/index.ts';
import { type Grant, grantHash, publicKeyText, type Scope, signGrant } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { type GrantOptions, grantOf, untilSeconds } from './keyring-edit.ts';
import { readPub, usage } from './keyring-files.ts';
import { confirmed } from './lock.ts';

interface PassOptions extends GrantOptions {
  readonly to?: string;
  readonly name?: string;
  readonly person?: string;
  readonly from?: string;
  readonly beside?: string;
  readonly again?: true;
  readonly out?: string;
  readonly yes?: true;
}

async function readGrantFile(path: string): Promise<GrantFile> {
  return decodeGrantFile(await readOrderText(path, LARGEST_GRANT_FILE));
}

async function display(context: Context, file: GrantFile): Promise<void> {
  const now = systemClock.wallSeconds();
  if (context.json) {
    for (const { grant, giver, holder } of linksIn(file)) {
      context.terminal.print(jsonLine('grant', { ...grant, giver, holder }));
    }
    return;
  }
  const { people } = await context.config();
  for (const line of showGrant(file, { now, people })) context.terminal.print(clean(line));
}

/** Whom it is for: a public file that "nightshift keys new" wrote, or a key and a name. */
async function receiver(o: PassOptions): Promise<Pick<Grant, 'to' | 'name' | 'person'>> {
  if (o.to === undefined) throw usage('say to whose key: --to tom.key.pub, or --to ed25519:… --name tom');
  if (!o.to.includes(':')) {
    const { name, person, key } = await readPub(o.to);
    return { to: key, name: o.name ?? name, person: o.person ?? person };
  }
  if (o.name === undefined) throw usage('say whose key it is: --name');
  return { to: o.to, name: o.name, person: o.person ?? o.name };
}

async function scopesOf(o: PassOptions, to: string): Promise<Scope[]> {
  const scopes = grantOf(o).scopes ?? [];
  if (scopes.length === 0) {
    throw usage(
      "say what is passed on: --verbs, --hosts, --paths or --states; all verbs of a kind: 'file.*'",
    );
  }
  if (o.beside === undefined) return scopes;
  const before = linksIn(await readGrantFile(o.beside)).at(-1)?.grant;
  if (before?.to !== to) throw usage(`${o.beside} is a grant to another key`);
  return [...before.scopes, ...scopes];
}

async function pass(context: Context, o: PassOptions): Promise<ExitCode> {
  const { out, until } = o;
  if (out === undefined) throw usage('say where to write the grant: --out FILE');
  if (until === undefined) throw usage('say when it ends: --until 2027-01-31; 31 days at most');
  const to = await receiver(o);
  const scopes = await scopesOf(o, to.to);
  const { tenant } = await context.config();
  const { key, grants = [] } = await context.signer();
  const own = grants.at(-1);
  if (own !== undefined && (grants.length > 1 || linksIn({ packets: [own] })[0]?.grant.again !== 1)) {
    throw usage('your right was passed on to you, and you may not pass it on');
  }
  const grant: Grant = {
    v: 1,
    tenant,
    id: systemEntropy.randomBytes(16),
    ...to,
    scopes,
    ...(o.from === undefined ? {} : { notBefore: untilSeconds(o.from) }),
    notAfter: untilSeconds(until),
    at: systemClock.wallSeconds(),
    again: o.again === true ? 1 : 0,
    ...(own === undefined ? {} : { of: grantHash(own) }),
  };
  if (grant.to === publicKeyText(key.publicKey)) throw usage('that is your own key');
  if (grants.length > 0 && grant.again === 1)
    throw usage('a right is passed on twice at most: without --again');
  const file = { tenant, packets: [...grants, await signGrant(grant, key)] };
  await display(context, file);
  await confirmed(context, `Give this to ${grant.name}?`, o.yes === true);
  await writeOrderText(out, encodeGrantFile(file), false);
  context.terminal.warn(
    `${out} is for ${grant.name}: "grant: ${out}" in the configuration, or --grant ${out}. What you may no longer, ` +
      'nobody may by it.',
  );
  return EXIT.done;
}

async function show(context: Context, path: string): Promise<ExitCode> {
  const file = await readGrantFile(path);
  const { tenant } = await context.config();
  await display(context, file);
  if (file.tenant !== tenant) {
    throw new NsError('NS_GRANT_FILE', `it is for the tenant "${file.tenant}", and yours is "${tenant}"`, {
      family: 'caller',
    });
  }
  return EXIT.done;
}

/** grant, grant show: a part of one's own right for another key. */
export function addGrantCommands(program: Command, run: Run): void {
  const grant = program
    .command('grant')
    .description('pass a part of your right on to another key, for a time; nothing is sent')
    .option('--to <pub>', 'public file of the key, such as tom.key.pub, or the key: ed25519:…')
    .option('--name <name>', 'of the key (default: the one in the file)')
    .option('--person <name>', 'who holds it (default: the one in the file, or the name)')
    .option('--verbs <verb...>', 'only these: file.stat, "file.*"')
    .option('--hosts <host...>', 'only on these: web1, @rack1')
    .option('--paths <path...>', 'only there and below: /var/log, disk0p2:/srv')
    .option('--states <state...>', 'only while the host is in: S0 S3 S4 S5 G3 unknown')
    .option('--beside <file>', 'and what this grant to the same key says already')
    .option('--from <time>', 'not before')
    .option('--until <time>', 'it ends then, 31 days from now at most: 2027-01-31')
    .option('--again', 'may be passed on once more')
    .option('-o, --out <file>', 'the file; it must not be there yet')
    .option('-y, --yes', 'do not ask')
    .action((o: PassOptions) => run((context) => pass(context, o)));
  grant
    .command('show')
    .description('say in words what a grant passes on, and by whom it is signed')
    .argument('<file>')
    .action((path: string) => run((context) => show(context, path)));
}
