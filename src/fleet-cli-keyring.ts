import { readFile, rename, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { parse } from 'yaml';
import { openKeyFile } from './adapters/operator-keys.ts';
import { NsError, sentenceOf } from './base/index.ts';
import {
  clean,
  draftBytes,
  EXIT,
  type ExitCode,
  jsonLine,
  type KeyringFile,
  newKeyring,
  parseCount,
  readKeyringFile,
  showKeyring,
  withKey,
  withoutKey,
  withRole,
  withRoot,
  withThreshold,
} from './fleet/index.ts';
import type { Context } from './fleet-cli-context.ts';
import type { Run } from './fleet-cli-files.ts';
import { runOnHosts, simpleOrder } from './fleet-cli-run.ts';
import {
  cosignKeyring,
  type GrantedKey,
  type KeyringDocument,
  ROLES,
  type Scope,
  signKeyring,
} from './security/index.ts';

const HOSTS = 'host, range, list or @group';
const FILE = 'file of the keyring';
const LARGEST = 64 * 1024;
const GRANTED = ROLES.filter((role) => role !== 'root');

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be read: ${sentenceOf(cause)}`, { cause });
  });
  if (bytes.byteLength > LARGEST) throw usage(`${path} is too large for a keyring`);
  return new Uint8Array(bytes);
}

const open = async (path: string): Promise<KeyringFile> => readKeyringFile(await readBytes(path));

async function store(path: string, bytes: Uint8Array, mode: 'new' | 'replace'): Promise<void> {
  try {
    if (mode === 'new') return await writeFile(path, bytes, { flag: 'wx', mode: 0o644 });
    await writeFile(`${path}.new`, bytes, { mode: 0o644 });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be written: ${sentenceOf(cause)}`, { cause });
  }
}

const pubEntry = v.object({
  name: v.string(),
  role: v.picklist(ROLES),
  key: v.string(),
  person: v.optional(v.string()),
});

/** The public half that "nightshift keys new" wrote. */
async function readPub(path: string) {
  const bytes = await readBytes(path);
  const raw: unknown = parse(Buffer.from(bytes).toString('utf8'), { maxAliasCount: 0 });
  const shaped = v.safeParse(v.pipe(v.array(pubEntry), v.length(1)), raw);
  if (!shaped.success) throw usage(`${path} is not the public file of one key, such as olga.key.pub`);
  const [entry] = shaped.output;
  return { ...entry!, person: entry!.person ?? entry!.name };
}

function print(context: Context, file: KeyringFile, before?: KeyringFile): void {
  if (context.json) {
    context.terminal.print(
      jsonLine({ ...file.document, signatures: file.signed?.message.signatures.length ?? 0 }),
    );
  } else for (const line of showKeyring(file, before)) context.terminal.print(clean(line));
}

/** Writes the changed draft and shows what it is now. */
async function change(
  context: Context,
  path: string,
  edit: (file: KeyringFile) => KeyringDocument,
): Promise<ExitCode> {
  const before = await open(path);
  const document = edit(before);
  await store(path, draftBytes(document), 'replace');
  print(context, { document }, before);
  if (!context.json) context.terminal.warn(`${path} is a draft: as many root people as it says must sign it`);
  return EXIT.done;
}

async function make(
  context: Context,
  path: string,
  o: { readonly root: readonly string[]; readonly threshold: string; readonly tenant?: string },
): Promise<ExitCode> {
  const keys = await Promise.all(o.root.map(readPub));
  const roots = {
    threshold: parseCount(o.threshold, 'threshold', 1, 4),
    keys: keys.map(({ name, person, key }) => ({ name, person, key })),
  };
  const document = newKeyring(o.tenant ?? (await context.config()).tenant, roots);
  await store(path, draftBytes(document), 'new');
  print(context, { document });
  return EXIT.done;
}

interface AddOptions {
  readonly person?: string;
  readonly role?: (typeof ROLES)[number];
  readonly verbs?: string[];
  readonly hosts?: string[];
  readonly paths?: string[];
  readonly states?: string[];
  readonly until?: string;
}

function untilSeconds(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw usage(`"${text}" is no time; write 2027-01-31 or 2027-01-31T12:00:00Z`);
  return Math.floor(at / 1000);
}

function grantOf(o: AddOptions): Pick<GrantedKey, 'scopes' | 'notAfter'> {
  const { verbs, hosts, paths, states } = o;
  const narrowed = Object.entries({ verbs, hosts, paths, states }).filter(([, list]) => list !== undefined);
  // What is not acceptable in it is found when the draft is judged as a whole.
  const scopes = narrowed.length === 0 ? undefined : [Object.fromEntries(narrowed) as Scope];
  return {
    ...(scopes === undefined ? {} : { scopes }),
    ...(o.until === undefined ? {} : { notAfter: untilSeconds(o.until) }),
  };
}

async function add(context: Context, path: string, pub: string, o: AddOptions): Promise<ExitCode> {
  const { name, key, role: made, person } = await readPub(pub);
  const role = o.role ?? made;
  const holder = { name, key, person: o.person ?? person };
  const grant = grantOf(o);
  return change(context, path, (file) => {
    if (role !== 'root') return withKey(file, { ...holder, role, ...grant });
    if (Object.keys(grant).length > 0)
      throw usage('a root key has no narrower grant: it only signs keyrings');
    return withRoot(file, holder);
  });
}

async function sign(
  context: Context,
  path: string,
  o: { readonly with: string; readonly after?: string; readonly yes?: true },
): Promise<ExitCode> {
  const bytes = await readBytes(path);
  const file = readKeyringFile(bytes);
  const before = o.after === undefined ? undefined : await open(o.after);
  for (const line of showKeyring(file, before)) context.terminal.warn(clean(line));
  if (o.yes !== true) {
    if (!context.terminal.interactive)
      throw usage('sign asks before it signs; say --yes where nobody can answer');
    if (!(await context.terminal.confirm(`Sign this with ${o.with}?`))) {
      throw new NsError('NS_INTERRUPTED', 'not signed', { family: 'caller' });
    }
  }
  const key = await openKeyFile(o.with, () => context.passphrase(`Passphrase of ${o.with}`));
  const signed =
    file.signed === undefined ? await signKeyring(file.document, [key]) : await added(bytes, key);
  await store(path, signed, 'replace');
  print(context, readKeyringFile(signed), before);
  return EXIT.done;
}

async function added(bytes: Uint8Array, key: Parameters<typeof cosignKeyring>[1]): Promise<Uint8Array> {
  const signed = await cosignKeyring(bytes, key);
  if (signed.ok) return signed.value;
  throw new NsError('NS_KEYRING_INVALID', signed.refusal.sentence, { family: 'caller' });
}

async function publish(context: Context, path: string, hosts: string, dryRun: boolean): Promise<ExitCode> {
  const document = await readBytes(path);
  if (readKeyringFile(document).signed === undefined)
    throw usage(`${path} is a draft that nobody has signed`);
  const args = { document, ...(dryRun ? { dryRun } : {}) };
  return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'keyring.update', args));
}

function addEdits(keyring: Command, run: Run): void {
  keyring
    .command('new')
    .description('begin a keyring: version 1, with nobody but roots')
    .argument('<file>', FILE)
    .requiredOption('--root <pub...>', 'public files of root keys, such as ann-root.key.pub')
    .option('--threshold <n>', 'how many different people must sign a change', '2')
    .option('--tenant <name>', 'default: the one of the configuration')
    .action((file: string, o: Parameters<typeof make>[2]) => run((context) => make(context, file, o)));
  keyring
    .command('add')
    .description('enrol a key, or change the grant of one')
    .argument('<file>', FILE)
    .argument('<pub>', 'the public file that "nightshift keys new" wrote')
    .option('--person <name>', 'who holds it (default: the name of the key)')
    .addOption(new Option('--role <role>', 'default: the one in the public file').choices(ROLES))
    .option('--verbs <verb...>', 'only these: file.stat, "file.*"')
    .option('--hosts <host...>', 'only on these: web1, @rack1')
    .option('--paths <path...>', 'only there and below: /var/log, disk0p2:/srv')
    .option('--states <state...>', 'only while the host is in: S0 S3 S4 S5 G3 unknown')
    .option('--until <time>', 'the grant ends then: 2027-01-31')
    .action((file: string, pub: string, o: AddOptions) => run((context) => add(context, file, pub, o)));
  keyring
    .command('revoke')
    .description('take a key out, never to be enrolled again')
    .argument('<file>', FILE)
    .argument('<name>')
    .action((file: string, name: string) =>
      run((context) => change(context, file, (now) => withoutKey(now, name))),
    );
  keyring
    .command('role')
    .description('give a key another role')
    .argument('<file>', FILE)
    .argument('<name>')
    .argument('<role>', GRANTED.join(', '))
    .action((file: string, name: string, text: string) =>
      run((context) => {
        const role = GRANTED.find((each) => each === text);
        if (role === undefined) throw usage(`the role must be one of ${GRANTED.join(', ')}`);
        return change(context, file, (now) => withRole(now, name, role));
      }),
    );
  keyring
    .command('threshold')
    .description('let so many different root people be needed for a change')
    .argument('<file>', FILE)
    .argument('<n>')
    .action((file: string, n: string) =>
      run((context) => change(context, file, (now) => withThreshold(now, parseCount(n, 'threshold', 1, 4)))),
    );
}

/** keyring new, show, add, revoke, role, threshold, sign, publish, status. */
export function addKeyringCommands(program: Command, run: Run): void {
  const keyring = program
    .command('keyring')
    .description('who may order what: make, sign and publish keyrings');
  addEdits(keyring, run);
  keyring
    .command('show')
    .description('say in words what is in a keyring and who has signed it')
    .argument('<file>', FILE)
    .option('--after <file>', 'the keyring before it: shows the changes')
    .action((file: string, o: { after?: string }) =>
      run(async (context) => {
        print(context, await open(file), o.after === undefined ? undefined : await open(o.after));
        return EXIT.done;
      }),
    );
  keyring
    .command('sign')
    .description('show a keyring and add your signature')
    .argument('<file>', FILE)
    .requiredOption('--with <key>', 'your root key')
    .option('--after <file>', 'the keyring before it: shows the changes')
    .option('-y, --yes', 'do not ask')
    .action((file: string, o: Parameters<typeof sign>[2]) => run((context) => sign(context, file, o)));
  keyring
    .command('publish')
    .description('bring a signed keyring to devices')
    .argument('<file>', FILE)
    .argument('<hosts>', HOSTS)
    .option('--dry-run', 'ask whether they would take it, and change nothing')
    .action((file: string, hosts: string, o: { dryRun?: true }) =>
      run((context) => publish(context, file, hosts, o.dryRun === true)),
    );
  keyring
    .command('status')
    .description('show which keyring is in force on devices')
    .argument('<hosts>', HOSTS)
    .action((hosts: string) =>
      run(async (context) =>
        runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'keyring.read', {})),
      ),
    );
}
