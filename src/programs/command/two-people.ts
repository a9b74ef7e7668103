import type { Command } from 'commander';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { readOrderText, writeOrderText } from '../../adapters/order-file.ts';
import { equalBytes, NsError, toHex } from '../../base/index.ts';
import {
  decodeOrderFile,
  EXIT,
  type ExitCode,
  encodeOrderFile,
  foldHosts,
  LARGEST_ORDER_FILE,
  peopleOf,
  readOrderFile,
} from '../../fleet/index.ts';
import { cosignOrder, type Draft, destructionOf, foldPerson, Keyring } from '../../security/index.ts';
import type { Context } from './context.ts';
import { displayDrafts } from './drafts.ts';
import type { Run } from './files.ts';
import { confirmed } from './lock.ts';
import { answerOf, followOrder, runOnHosts } from './run.ts';
import { needsToken } from './tokens-in-hand.ts';
import { WAIT, waitingFor } from './wipe.ts';

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

async function show(context: Context, path: string): Promise<ExitCode> {
  await displayDrafts(context, await openOrders(context, path));
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
  await displayDrafts(context, opened);
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
  const file = drafts.some(({ order }) => order.verb === 'file.download') ? ' --file FILE' : '';
  context.terminal.warn(`${out} is signed by you too. Next: nightshift send ${out}${file}`);
  return EXIT.done;
}

interface SendOptions {
  readonly yes?: true;
  readonly file?: string;
  readonly wait?: true;
}

async function send(context: Context, path: string, o: SendOptions): Promise<ExitCode> {
  const opened = await openOrders(context, path);
  const { drafts } = opened;
  const byHost = new Map(drafts.map((draft) => [draft.order.aud.name, draft]));
  const short = drafts.find((draft) => peopleOf(draft) < 2 || peopleOf(draft) < draft.signatures.length);
  if (short !== undefined) {
    const host = short.order.aud.name;
    const why = short.signatures.length < 2 ? 'one person only' : 'one person twice';
    throw refuse('NS_ORDER_INVALID', `the order for "${host}" is signed by ${why}, so nothing was sent`);
  }
  const bare = drafts.find(({ order }) => order.token === undefined && destructionOf(order) !== undefined);
  if (bare !== undefined) throw needsToken('It must be signed with one from the start. Nothing was sent.');
  const { devices } = await context.config();
  const unknown = [...byHost.keys()].filter((host) => !devices.has(host));
  if (unknown.length > 0) {
    throw refuse(
      'NS_DEVICE_UNKNOWN',
      `no public key is known for ${foldHosts(unknown)}, so nothing was sent`,
    );
  }
  if (!context.json) await displayDrafts(context, opened);
  await confirmed(context, `Send ${drafts.length === 1 ? 'it' : `all ${drafts.length}`}?`, o.yes === true);
  const file = await fileOf(context, drafts, o.file);
  const longest = drafts.flatMap(({ order: { args } }) => ('stage' in args ? [args] : []))[0] ?? {};
  const options = { signal: context.signal, ...waitingFor(context, longest, o.wait) };
  try {
    return await runOnHosts(
      context,
      [...byHost.keys()],
      async (fleet, host, watch) => {
        const { order, packet } = byHost.get(host)!;
        if (order.verb === 'file.download' && file !== undefined) {
          const more = { ...options, ...watch };
          const { outcome, fault } = await fleet.sendPut(order, packet, file, more);
          return answerOf(host, order.verb, outcome, {}, fault === undefined ? {} : { fault });
        }
        return followOrder(host, order.verb, await fleet.send(order, packet, options), watch);
      },
      { signed: true },
    );
  } finally {
    await file?.close();
  }
}

/** The file that orders for a put were signed for. NS_USAGE where it is not named, NS_ORDER_INVALID where it is another. */
async function fileOf(context: Context, drafts: readonly Draft[], path: string | undefined) {
  const puts = drafts.flatMap(({ order }) => (order.verb === 'file.download' ? [order.args] : []));
  if (puts.length === 0) return undefined;
  if (path === undefined) throw refuse('NS_USAGE', 'these orders put a file: name it with --file');
  const file = await openLocalFile(path, context.signal);
  if (puts.every(({ size, sha256 }) => size === file.size && equalBytes(sha256, file.sha256))) return file;
  await file.close();
  throw refuse('NS_ORDER_INVALID', `the orders were signed for another file than ${path}; nothing was sent`);
}

/** show, cosign, send: orders that two people give from two places. */
export function addTwoPeopleCommands(program: Command, run: Run): void {
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
    .option('--file <file>', 'the file that orders for a put were signed for')
    .option('--wait', WAIT)
    .option('-y, --yes', 'do not ask')
    .action((path: string, o: SendOptions) => run((context) => send(context, path, o)));
}
