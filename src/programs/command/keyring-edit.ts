import { type Command, Option } from 'commander';
import {
  draftBytes,
  EXIT,
  type ExitCode,
  type KeyringFile,
  newKeyring,
  parseCount,
  withKey,
  withoutKey,
  withRole,
  withRoot,
  withThreshold,
} from '../../fleet/index.ts';
import { type GrantedKey, type KeyringDocument, ROLES, type Scope } from '../../security/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { openKeyringFile, printKeyring, readPub, storeKeyringFile, usage } from './keyring-files.ts';

const FILE = 'file of the keyring';
const GRANTED = ROLES.filter((role) => role !== 'root');

async function change(
  context: Context,
  path: string,
  edit: (file: KeyringFile) => KeyringDocument,
): Promise<ExitCode> {
  const before = await openKeyringFile(path);
  const document = edit(before);
  await storeKeyringFile(path, draftBytes(document), 'replace');
  printKeyring(context, { document }, before);
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
    threshold: parseCount(o.threshold, 'threshold', 2, 4),
    keys: keys.map(({ name, person, key }) => ({ name, person, key })),
  };
  const document = newKeyring(o.tenant ?? (await context.config()).tenant, roots);
  await storeKeyringFile(path, draftBytes(document), 'new');
  printKeyring(context, { document });
  return EXIT.done;
}

/** What narrows a right, as it is typed. */
export interface GrantOptions {
  readonly verbs?: string[];
  readonly hosts?: string[];
  readonly paths?: string[];
  readonly states?: string[];
  readonly until?: string;
}

interface AddOptions extends GrantOptions {
  readonly person?: string;
  readonly role?: (typeof ROLES)[number];
  readonly more?: true;
}

export function untilSeconds(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw usage(`"${text}" is no time; write 2027-01-31 or 2027-01-31T12:00:00Z`);
  return Math.floor(at / 1000);
}

export function grantOf(o: GrantOptions): Pick<GrantedKey, 'scopes' | 'notAfter'> {
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
    if (role !== 'root') {
      const before = o.more === true ? file.document.keys.find((known) => known.name === name)?.scopes : [];
      if (before === undefined)
        throw usage(`"${name}" has no narrowed grant that another could stand beside`);
      const scopes = grant.scopes && [...before, ...grant.scopes];
      return withKey(file, { ...holder, role, ...grant, ...(scopes === undefined ? {} : { scopes }) });
    }
    if (Object.keys(grant).length > 0)
      throw usage('a root key has no narrower grant: it only signs keyrings');
    return withRoot(file, holder);
  });
}

export function addKeyringEdits(keyring: Command, run: Run): void {
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
    .option('--more', 'beside what the key is granted already, and not instead of it')
    .option('--until <time>', 'the grant ends then: 2027-01-31')
    .action((file: string, pub: string, o: AddOptions) => run((context) => add(context, file, pub, o)));
  keyring
    .command('revoke')
    .description('take a key out, never to be enrolled again')
    .argument('<file>', FILE)
    .argument('<name>', 'its name, or a public key that is not in it: one to which a right was passed on')
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
      run((context) => change(context, file, (now) => withThreshold(now, parseCount(n, 'threshold', 2, 4)))),
    );
}
