import { lstat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { createKeyFile } from '../../adapters/operator-keys.ts';
import { writeOrderText } from '../../adapters/order-file.ts';
import { makeSampleDisk } from '../../adapters/sample-disk.ts';
import { NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine, parseConfig } from '../../fleet/index.ts';
import { NAME } from '../../protocol/index.ts';
import { publicKeyFromText, publicKeyText, ROLES } from '../../security/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { newPassphrase } from './local.ts';

interface InitOptions {
  readonly name?: string;
  readonly role?: string;
  readonly tenant?: string;
  readonly broker?: string;
  readonly ca?: string;
  readonly device?: string;
  readonly deviceKey?: string;
  readonly simulate?: true;
  readonly passphrase?: true;
  readonly yes?: true;
}

const CONFIG = 'nightshift.yaml';
const LOCAL_BROKER = 'mqtt://127.0.0.1:1883';

const usage = (sentence: string): NsError => new NsError('NS_USAGE', sentence, { family: 'caller' });

function named(what: string, text: string): string {
  if (NAME.test(text)) return text;
  throw usage(`"${text}" is no name of ${what}; use letters, digits, ".", "_" and "-"`);
}

interface Answers {
  readonly name: string;
  readonly role: string;
  readonly tenant: string;
  readonly broker: string | { readonly url: string; readonly ca: string };
  readonly device: string;
  /** Empty where it is not known yet. */
  readonly deviceKey: string;
  readonly simulate: boolean;
}

/** A device that is simulated here has its key later: "device add" takes that. */
async function aboutDevice(o: InitOptions, ask: Ask): Promise<Pick<Answers, 'deviceKey' | 'simulate'>> {
  if (o.simulate === true && o.deviceKey !== undefined)
    throw usage('--simulate makes a device that has no key yet: give one of --simulate and --device-key');
  const undecided = o.simulate === undefined && o.deviceKey === undefined && o.yes !== true;
  const simulate = undecided
    ? /^y(es)?$/i.test(await ask(undefined, 'Simulate it on this machine, to try things out (yes, no)', 'no'))
    : o.simulate === true;
  const deviceKey = simulate ? '' : await ask(o.deviceKey, 'Its public key (nothing: later)', '');
  if (deviceKey !== '') publicKeyFromText(deviceKey);
  return { deviceKey, simulate };
}

type Ask = (given: string | undefined, question: string, usual: string) => Promise<string>;

/** What was not said is asked for, or with --yes the usual. */
async function answers(context: Context, o: InitOptions): Promise<Answers> {
  const ask: Ask = (given, question, usual) =>
    given !== undefined || o.yes === true
      ? Promise.resolve(given ?? usual)
      : context.terminal.question(question, usual);
  const name = named('a key', await ask(o.name, 'Name of your key', 'operator'));
  const role = await ask(o.role, `What you may do (${ROLES.join(', ')})`, 'operator');
  if (!ROLES.some((known) => known === role)) throw usage(`"${role}" is no role; say ${ROLES.join(', ')}`);
  const tenant = named('a tenant', await ask(o.tenant, 'Name of the site (tenant)', 'default'));
  const url = await ask(o.broker, 'Broker', LOCAL_BROKER);
  const ca = url.startsWith('mqtts:')
    ? await ask(o.ca, "The broker's authority, a PEM file (nothing: those that this machine believes)", '')
    : (o.ca ?? '');
  const device = named('a device', await ask(o.device, 'Name of the first device', 'rack1'));
  const about = await aboutDevice(o, ask);
  return { name, role, tenant, broker: ca === '' ? url : { url, ca }, device, ...about };
}

async function mustBeNew(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const there = await lstat(path).then(
      () => true,
      () => false,
    );
    if (there) throw usage(`${path} is there already; nothing was written`);
  }
}

interface Written {
  readonly key: string;
  readonly config: string;
  readonly agent: string;
  readonly disk?: string;
}

/** What is to be done next, each command as it is typed. */
function nextSteps(files: Written, { broker, device, deviceKey, simulate }: Answers): string[] {
  const agent = `nightshift-agent --config ${files.agent}`;
  const look = `  nightshift status ${device}`;
  const own = [
    `${files.key}: your private key. Keep it.`,
    `${files.config}: for this command, in this directory.`,
  ];
  if (!simulate) {
    const add = deviceKey === '' ? [`  nightshift device add   (takes what --identity has printed)`] : [];
    return [
      ...own,
      `${files.agent}: for the device. Bring it there, and on the device:`,
      `  ${agent} --identity`,
      `  ${agent} --board BOARD`,
      'Then here:',
      ...add,
      look,
    ];
  }
  const [, port] = /^mqtt:\/\/(?:127\.0\.0\.1|localhost)(?::(\d+))?$/.exec(brokerUrl(broker)) ?? [];
  const serve = port === undefined ? [] : [`  mosquitto -p ${port}   (or: nightshift broker --port ${port})`];
  return [
    ...own,
    `${files.agent}, ${files.disk}: for a simulated host, switched off, and its disk.`,
    'Next, in this directory, in a terminal each:',
    ...serve,
    `  ${agent} --board sim-host`,
    'Then here:',
    `  ${agent} --identity | nightshift device add`,
    look,
  ];
}

const brokerUrl = (broker: Answers['broker']): string => (typeof broker === 'string' ? broker : broker.url);

async function begin(context: Context, o: InitOptions): Promise<ExitCode> {
  const key = o.name === undefined ? [] : [`${o.name}.key`];
  await mustBeNew([CONFIG, ...key]);
  const told = await answers(context, o);
  const { name, role, tenant, broker, device, deviceKey, simulate } = told;
  const disk = simulate ? { disk: `${device}.img` } : {};
  const files: Written = { key: `${name}.key`, config: CONFIG, agent: `${device}.agent.yaml`, ...disk };
  const own = { broker, tenant, key: files.key };
  parseConfig(CONFIG, own, {});
  await mustBeNew([files.key, `${files.key}.pub`, files.agent, ...Object.values(disk)]);
  const passphrase = await newPassphrase(context, o.passphrase === true);
  if (files.disk !== undefined) await makeSampleDisk(files.disk, device);
  const { publicKey } = await createKeyFile(files.key, passphrase);
  const enrolled = { name, role, key: publicKeyText(publicKey) };
  await writeOrderText(`${files.key}.pub`, stringify([enrolled]), false);
  const sim = files.disk === undefined ? {} : { sim: { state: 'S5', disks: [{ image: `./${files.disk}` }] } };
  const agent = { device, tenant, broker, state: `./${device}.state`, keyring: [enrolled], ...sim };
  await writeOrderText(files.agent, stringify(agent), false);
  const devices = deviceKey === '' ? {} : { devices: { [device]: deviceKey } };
  await writeOrderText(CONFIG, stringify({ ...own, people: [enrolled], ...devices }), false);
  if (context.json) {
    context.terminal.print(jsonLine('init', { files: Object.values(files), device, key: enrolled.key }));
  } else for (const line of nextSteps(files, told)) context.terminal.print(line);
  return EXIT.done;
}

/** init: from nothing to a key, a configuration, and the configuration of a first device. */
export function addInitCommand(program: Command, run: Run): void {
  program
    .command('init')
    .description(
      'begin: make a key and the configurations of this command and of a first device, by questions',
    )
    .option('--name <name>', 'name of your key')
    .addOption(new Option('--role <role>', 'what you may do').choices(ROLES))
    .option('--tenant <name>', 'name of the site')
    .option('--broker <url>', 'mqtts://HOST:8883, or mqtt://127.0.0.1:1883 on this machine')
    .option('--ca <file>', "the broker's authority, a PEM file")
    .option('--device <name>', 'name of the first device')
    .option('--device-key <key>', 'its public key, where you have it')
    .option('--simulate', 'the first device is simulated on this machine, with a disk to look at')
    .option('--passphrase', 'encrypt your key; the passphrase is asked for')
    .option('-y, --yes', 'do not ask: the usual, for what is not said')
    .action((o: InitOptions) => run((context) => begin(context, o)));
}
