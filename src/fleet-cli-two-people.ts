import { type Command, Option } from 'commander';
import { systemEntropy } from './adapters/entropy.ts';
import { readOrderText, writeOrderText } from './adapters/order-file.ts';
import { systemClock } from './adapters/system-clock.ts';
import { milliseconds, NsError, toHex } from './base/index.ts';
import {
  clean,
  decodeOrderFile,
  EXIT,
  type ExitCode,
  encodeOrderFile,
  foldHosts,
  jsonLine,
  LARGEST_ORDER_FILE,
  parseWait,
  peopleOf,
  readOrderFile,
  showDrafts,
  writeOrder,
} from './fleet/index.ts';
import type { Context } from './fleet-cli-context.ts';
import type { Run } from './fleet-cli-files.ts';
import { confirmed, type LockOptions, type LockVerb, lockArgs, withLockOptions } from './fleet-cli-lock.ts';
import { followOrder, runOnHosts } from './fleet-cli-run.ts';
import { cosignOrder, type Draft, draftOrder, foldPerson, Keyring } from './security/index.ts';

const VERBS: Readonly<Record<string, LockVerb>> = { disable: 'machine.disable', enable: 'machine.enable' };
/** Time for the second person to be found. */
const VALID = '24h';
const LONGEST_VALID = milliseconds(7 * 24 * 3_600_000);

function refuse(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

interface Opened {
  readonly tenant: string;
  readonly drafts: readonly Draft[];
  readonly people: Keyring;
}

async function openOrders(context: Context, path: string): Promise<Opened> {
  const { people: entries, tenant } = await context.config();
  const people = new Keyring(entries);
  const file = decodeOrderFile(await readOrderText(path, LARGEST_ORDER_FILE));
  const drafts = readOrderFile(file, people);
  if (file.tenant !== tenant) {
    throw refuse('NS_ORDER_FILE', `the orders are for the tenant "${file.tenant}", and yours is "${tenant}"`);
  }
  return { tenant, drafts, people };
}

async function display(
  context: Context,
  { tenant, drafts }: Pick<Opened, 'tenant' | 'drafts'>,
): Promise<void> {
  const now = systemClock.wallSeconds();
  if (context.json) {
    for (const draft of drafts) context.terminal.print(draftJson(draft));
    return;
  }
  const hosts = new Set((await context.config()).devices.keys());
  for (const line of showDrafts(tenant, drafts, { now, hosts })) context.terminal.print(clean(line));
}

function draftJson(draft: Draft): string {
  const { aud, id, verb, args, nbf, exp, ctr } = draft.order;
  const signatures = draft.signatures.map(({ keyId, signer }) => ({
    key: toHex(keyId),
    ...(signer === undefined ? {} : { name: signer.name, person: signer.person, role: signer.role }),
  }));
  return jsonLine({ host: aud.name, id, verb, args, nbf, exp, ctr, people: peopleOf(draft), signatures });
}

interface SignOptions extends LockOptions {
  readonly out: string;
  readonly valid: string;
}

async function sign(
  context: Context,
  what: string,
  ranges: readonly string[],
  o: SignOptions,
): Promise<ExitCode> {
  const verb = VERBS[what];
  if (verb === undefined) throw refuse('NS_USAGE', `"${what}" is not an order for two people`);
  const validFor = milliseconds(parseWait(o.valid));
  if (validFor > LONGEST_VALID) throw refuse('NS_USAGE', 'an order is valid for 7 days at most');
  const hosts = await context.hosts(ranges.join(','));
  const { tenant, people } = await context.config();
  const { key, counter } = await context.signer();
  const writer = { key, counter, entropy: systemEntropy, now: systemClock.wallSeconds() };
  const packets: Uint8Array[] = [];
  for (const host of hosts) {
    const order = await writeOrder(writer, host, verb, lockArgs(o), { timing: { validFor } });
    packets.push(await draftOrder(order, key, tenant));
  }
  await writeOrderText(o.out, encodeOrderFile({ tenant, packets }), false);
  await display(context, { tenant, drafts: readOrderFile({ tenant, packets }, new Keyring(people)) });
  context.terminal.warn(`${o.out} is signed by you. The second person: nightshift cosign ${o.out}`);
  return EXIT.done;
}

async function show(context: Context, path: string): Promise<ExitCode> {
  await display(context, await openOrders(context, path));
  return EXIT.done;
}

/** Nobody signs for a stranger, or for a person twice: what is signed first is asked for by somebody known. */
function checkSigners({ drafts }: Opened): void {
  for (const draft of drafts) {
    const stranger = draft.signatures.find(({ signer }) => signer === undefined);
    if (stranger === undefined) continue;
    throw refuse(
      'NS_ORDER_STRANGER',
      `the order for "${draft.order.aud.name}" is signed by the key ${toHex(stranger.keyId)}, which is not among the ` +
        '"people" of your configuration; ask the person it should be from, by another way, for the public key',
    );
  }
}

async function cosign(context: Context, path: string, o: { out?: string; yes?: true }): Promise<ExitCode> {
  const opened = await openOrders(context, path);
  const { tenant, drafts, people } = opened;
  await display(context, opened);
  checkSigners(opened);
  const question = `Sign ${drafts.length === 1 ? 'this order' : `these ${drafts.length} orders`}?`;
  await confirmed(context, question, o.yes === true);
  const { key } = await context.signer();
  const me = people.lookup(key.publicKey.keyId);
  const packets: Uint8Array[] = [];
  for (const { order, packet, signatures } of drafts) {
    const again = signatures.some(
      ({ signer }) =>
        signer !== undefined && me !== undefined && foldPerson(signer.person) === foldPerson(me.person),
    );
    if (again) {
      throw refuse('NS_ORDER_INVALID', `${me?.person} has signed the order for "${order.aud.name}" already`);
    }
    packets.push(await cosignOrder(packet, key, tenant));
  }
  const out = o.out ?? path;
  await writeOrderText(out, encodeOrderFile({ tenant, packets }), out === path);
  context.terminal.warn(`${out} is signed by you too. Next: nightshift send ${out}`);
  return EXIT.done;
}

async function send(context: Context, path: string, o: { yes?: true }): Promise<ExitCode> {
  const opened = await openOrders(context, path);
  const { drafts } = opened;
  const byHost = new Map(drafts.map((draft) => [draft.order.aud.name, draft]));
  const short = drafts.find((draft) => peopleOf(draft) < 2 || peopleOf(draft) < draft.signatures.length);
  if (short !== undefined) {
    const host = short.order.aud.name;
    const why = short.signatures.length < 2 ? 'one person only' : 'one person twice';
    throw refuse('NS_ORDER_INVALID', `the order for "${host}" is signed by ${why}, so nothing was sent`);
  }
  const { devices } = await context.config();
  const unknown = [...byHost.keys()].filter((host) => !devices.has(host));
  if (unknown.length > 0) {
    throw refuse(
      'NS_DEVICE_UNKNOWN',
      `no public key is known for ${foldHosts(unknown)}, so nothing was sent`,
    );
  }
  if (!context.json) await display(context, opened);
  await confirmed(context, `Send ${drafts.length === 1 ? 'it' : `all ${drafts.length}`}?`, o.yes === true);
  return runOnHosts(
    context,
    [...byHost.keys()],
    async (fleet, host, watch) => {
      const { order, packet } = byHost.get(host)!;
      const options = { signal: context.signal, timing: context.timing };
      return followOrder(host, order.verb, await fleet.send(order, packet, options), watch);
    },
    { signed: true },
  );
}

/** sign, show, cosign, send: orders that two people give from two places. */
export function addTwoPeopleCommands(program: Command, run: Run): void {
  withLockOptions(
    program
      .command('sign')
      .description('write an order for two people to a file, with the first signature; nothing is sent')
      .argument('<order>', 'disable or enable')
      .argument('<hosts...>', 'hosts, ranges, lists or @groups'),
  )
    .requiredOption('-o, --out <file>', 'the file; it must not be there yet')
    .addOption(new Option('--valid <time>', 'enable: for how long, 7 days at most').default(VALID))
    .action((what: string, hosts: string[], o: SignOptions) =>
      run((context) => sign(context, what, hosts, o)),
    );
  program
    .command('show')
    .description('say in words what is signed in a file of orders, and by whom')
    .argument('<file>')
    .action((path: string) => run((context) => show(context, path)));
  program
    .command('cosign')
    .description('show a file of orders, ask, and sign it as the second person')
    .argument('<file>')
    .option('-o, --out <file>', 'write it there; the file itself by default')
    .option('-y, --yes', 'do not ask')
    .action((path: string, o: { out?: string; yes?: true }) => run((context) => cosign(context, path, o)));
  program
    .command('send')
    .description('send the orders of a file that two people have signed, and show the receipts')
    .argument('<file>')
    .option('-y, --yes', 'do not ask')
    .action((path: string, o: { yes?: true }) => run((context) => send(context, path, o)));
}
