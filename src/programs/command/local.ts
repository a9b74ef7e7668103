import { readFile, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { startEmbeddedBroker } from '../../adapters/embedded-broker.ts';
import { createKeyFile, openKeyFile } from '../../adapters/operator-keys.ts';
import { NsError, REFUSALS, suggest, toHex } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine, parseCount } from '../../fleet/index.ts';
import { NAME } from '../../protocol/index.ts';
import { publicKeyText, ROLES } from '../../security/index.ts';
import { table } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';

/** Asked for twice, so that it is what was meant; undefined where the key is to be in the clear. */
export async function newPassphrase(context: Context, wanted: boolean): Promise<string | undefined> {
  if (process.env.NIGHTSHIFT_PASSPHRASE_FILE !== undefined) return context.passphrase('Passphrase');
  if (!wanted) return undefined;
  const first = await context.terminal.secret('New passphrase');
  if (first !== (await context.terminal.secret('The same again'))) {
    throw new NsError('NS_USAGE', 'the two passphrases differ', { family: 'caller' });
  }
  return first === '' ? undefined : first;
}

interface NewKeyOptions {
  readonly role: string;
  readonly name: string;
  readonly person?: string;
  readonly out?: string;
  readonly passphrase?: true;
}

async function makeKey(context: Context, o: NewKeyOptions): Promise<ExitCode> {
  if (!NAME.test(o.name)) {
    throw new NsError('NS_USAGE', `"${o.name}" is no name; use letters, digits, ".", "_" and "-"`, {
      family: 'caller',
    });
  }
  const path = o.out ?? `${o.name}.key`;
  const { publicKey } = await createKeyFile(path, await newPassphrase(context, o.passphrase === true));
  const key = publicKeyText(publicKey);
  const person = o.person === undefined ? '' : `  person: ${JSON.stringify(o.person)}\n`;
  const entry = `- name: ${o.name}\n${person}  role: ${o.role}\n  key: ${key}\n`;
  await writeFile(`${path}.pub`, entry, { mode: 0o644 });
  if (context.json) {
    const keyId = toHex(publicKey.keyId);
    context.terminal.print(jsonLine('key', { file: path, name: o.name, role: o.role, key, keyId }));
  } else {
    context.terminal.warn(`${path} holds the private key: keep it. Add this to the keyring of your devices:`);
    context.terminal.print(entry.trimEnd());
  }
  return EXIT.done;
}

async function showKey(context: Context, file: string | undefined): Promise<ExitCode> {
  const path = file ?? (await context.config()).keyFile;
  if (path === undefined) throw new NsError('NS_USAGE', 'name a key file', { family: 'caller' });
  const { publicKey } = await openKeyFile(path, () => context.passphrase(`Passphrase of ${path}`));
  const key = publicKeyText(publicKey);
  const keyId = toHex(publicKey.keyId);
  const note = await readFile(`${path}.pub`, 'utf8').catch(() => '');
  if (context.json) context.terminal.print(jsonLine('key', { file: path, key, keyId }));
  else {
    const lines = [`key: ${key}`, `key id: ${keyId}`, ...(note.includes(key) ? [note.trimEnd()] : [])];
    for (const line of lines) context.terminal.print(line);
  }
  return EXIT.done;
}

function explain(context: Context, code: string | undefined): ExitCode {
  const known = Object.entries(REFUSALS);
  if (code === undefined) {
    const rows = known.map(([name, { sentence }]) => [name, sentence]);
    if (context.json)
      for (const [name, entry] of known) context.terminal.print(jsonLine('code', { code: name, ...entry }));
    else for (const line of table(rows)) context.terminal.print(line);
    return EXIT.done;
  }
  const found = known.find(([name]) => name === code.toUpperCase());
  if (found === undefined) {
    const near = suggest(code, Object.keys(REFUSALS));
    const hint = near === undefined ? 'see "nightshift explain"' : `did you mean ${near}?`;
    throw new NsError('NS_USAGE', `no refusal has the code "${code}"; ${hint}`, { family: 'caller' });
  }
  const [name, { sentence, remedy }] = found;
  if (context.json) context.terminal.print(jsonLine('code', { code: name, sentence, remedy }));
  else for (const line of [`${name}: ${sentence}`, `remedy: ${remedy}`]) context.terminal.print(line);
  return EXIT.done;
}

async function serveBroker(context: Context, port: string): Promise<ExitCode> {
  const broker = await startEmbeddedBroker({ port: parseCount(port, 'port', 0, 65_535) });
  context.terminal.print(context.json ? jsonLine('broker', { broker: broker.url }) : broker.url);
  context.terminal.warn('A broker for a first try: this machine only, no passwords. Ctrl-C ends it.');
  await new Promise<void>((resolve) => {
    context.signal.addEventListener('abort', () => resolve(), { once: true });
    process.once('SIGTERM', () => resolve());
  });
  await broker.close();
  return EXIT.done;
}

/** keys, explain, broker: what needs no device. */
export function addLocalCommands(program: Command, run: Run): void {
  const keys = program.command('keys').description('make and show signing keys');
  keys
    .command('new')
    .description('make a key, and print the entry for the keyring of your devices')
    .addOption(new Option('--role <role>', 'what its holder may do').choices(ROLES).makeOptionMandatory())
    .requiredOption('--name <name>', 'name of the key')
    .option('--person <name>', 'who holds it, where that is not its name')
    .option('--out <file>', 'where the private key goes (default: NAME.key)')
    .option('--passphrase', 'encrypt it; the passphrase is asked for')
    .action((o: NewKeyOptions) => run((context) => makeKey(context, o)));
  keys
    .command('show')
    .description('show the public half of a key')
    .argument(
      '[key]',
      'a private key file, or ssh-agent:SHA256:… or ssh-agent:COMMENT; the configured one by default',
    )
    .action((file: string | undefined) => run((context) => showKey(context, file)));
  program
    .command('explain')
    .description('say what a refusal code means and what to do; all codes without one')
    .argument('[code]')
    .action((code: string | undefined) => run(async (context) => explain(context, code)));
  program
    .command('broker')
    .description('run a broker for a first try, on this machine only')
    .option('--port <n>', 'TCP port; 0 for any free one', '1883')
    .action((o: { port: string }) => run((context) => serveBroker(context, o.port)));
}
