import type { Command } from 'commander';
import { openKeyFile } from '../../adapters/operator-keys.ts';
import { NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, readKeyringFile, showKeyring } from '../../fleet/index.ts';
import { cosignKeyring, signKeyring } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { addKeyringEdits } from './keyring-edit.ts';
import { openKeyringFile, printKeyring, readBytes, storeKeyringFile, usage } from './keyring-files.ts';
import { runOnHosts, simpleOrder } from './run.ts';

const HOSTS = 'host, range, list or @group';
const FILE = 'file of the keyring';

async function sign(
  context: Context,
  path: string,
  o: { readonly with: string; readonly after?: string; readonly yes?: true },
): Promise<ExitCode> {
  const bytes = await readBytes(path);
  const file = readKeyringFile(bytes);
  const before = o.after === undefined ? undefined : await openKeyringFile(o.after);
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
  await storeKeyringFile(path, signed, 'replace');
  printKeyring(context, readKeyringFile(signed), before);
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

/** keyring new, show, add, revoke, role, threshold, sign, publish, status. */
export function addKeyringCommands(program: Command, run: Run): void {
  const keyring = program
    .command('keyring')
    .description('who may order what: make, sign and publish keyrings');
  addKeyringEdits(keyring, run);
  keyring
    .command('show')
    .description('say in words what is in a keyring and who has signed it')
    .argument('<file>', FILE)
    .option('--after <file>', 'the keyring before it: shows the changes')
    .action((file: string, o: { after?: string }) =>
      run(async (context) => {
        printKeyring(
          context,
          await openKeyringFile(file),
          o.after === undefined ? undefined : await openKeyringFile(o.after),
        );
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
