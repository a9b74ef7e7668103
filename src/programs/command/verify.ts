import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { deviceFolder, receiptFiles } from '../../adapters/receipt-folder.ts';
import { NsError, sentenceOf } from '../../base/index.ts';
import {
  auditLines,
  checkContents,
  configInvalid,
  type DeviceReport,
  deviceJson,
  deviceLines,
  EXIT,
  type ExitCode,
  type FileInHand,
  fileJson,
  fileLines,
  isAboutFile,
  isClean,
  isSignedKeyring,
  type KnownKeys,
  knownKeys,
  LARGEST_EVIDENCE,
  parseRoots,
  signedKeys,
  sumJson,
  sumLine,
  Verification,
  type VerificationReport,
} from '../../fleet/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';

/** Up to so many files are told of one by one without being asked. */
const FEW = 4;
const LARGEST_KEYRING = 4 * 1024 * 1024;

export interface VerifyOptions {
  readonly keyring?: readonly string[];
  readonly roots?: string;
  readonly device?: readonly string[];
  readonly long?: true;
  readonly file?: string;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength > LARGEST_KEYRING) throw new Error('it is too large');
    return new Uint8Array(bytes);
  } catch (error) {
    throw configInvalid(`${path} cannot be read: ${sentenceOf(error)}`, error);
  }
}

/** What a YAML file says, or what stands under this name in it. */
function yamlOf(path: string, bytes: Uint8Array, name: string): unknown {
  try {
    const text = Buffer.from(bytes).toString('utf8');
    const content: unknown = parse(text, { maxAliasCount: 100, logLevel: 'error' });
    const within = typeof content === 'object' && content !== null && name in content;
    return within ? (content as Record<string, unknown>)[name] : content;
  } catch (error) {
    throw configInvalid(`${path} cannot be read: ${sentenceOf(error)}`, error);
  }
}

/** Keyrings are signed documents, lists of keys in YAML, or a device's configuration, which has one. */
async function keysOf(context: Context, o: VerifyOptions): Promise<KnownKeys> {
  const config = await context.config();
  const roots =
    o.roots === undefined
      ? undefined
      : parseRoots(o.roots, yamlOf(o.roots, await readBytes(o.roots), 'keyringRoots'));
  const keyrings: { readonly source: string; readonly raw: unknown }[] = [];
  for (const path of o.keyring ?? []) {
    const bytes = await readBytes(path);
    const raw = isSignedKeyring(bytes)
      ? signedKeys(path, bytes, roots, config.tenant)
      : yamlOf(path, bytes, 'keyring');
    keyrings.push({ source: path, raw });
  }
  return knownKeys(config, keyrings, o.device ?? []);
}

function exitOf({ counts }: VerificationReport): ExitCode {
  if (counts.wrong > 0) return EXIT.failed;
  return counts.unchecked > 0 ? EXIT.mixed : EXIT.done;
}

async function verify(context: Context, named: readonly string[], o: VerifyOptions): Promise<ExitCode> {
  const inHand = o.file === undefined ? undefined : await openLocalFile(o.file, context.signal);
  try {
    return await verifyAll(context, named, o, inHand);
  } finally {
    await inHand?.close();
  }
}

async function verifyAll(
  context: Context,
  named: readonly string[],
  o: VerifyOptions,
  inHand: FileInHand | undefined,
): Promise<ExitCode> {
  const { terminal, json } = context;
  const paths = named.length > 0 ? named : [await context.receipts()];
  const verification = new Verification(await keysOf(context, o));
  let about = 0;
  const held: string[][] = [];
  const say = (lines: readonly string[]): void => {
    for (const line of lines) terminal.print(clean(line));
  };
  for await (const { path, bytes } of receiptFiles(paths, LARGEST_EVIDENCE)) {
    context.signal.throwIfAborted();
    let file = verification.add(path, bytes);
    if (inHand !== undefined && file.is === 'receipt' && isAboutFile(file.checked)) {
      about += 1;
      file = verification.found(file.checked, await checkContents(file.checked, inHand));
    }
    if (json) terminal.print(fileJson(file));
    else if (o.long === true || !isClean(file)) say(fileLines(file));
    else if (held.length <= FEW) held.push(fileLines(file));
  }
  const report = verification.end();
  if (inHand !== undefined && about === 0)
    throw new NsError(
      'NS_RECEIPTS',
      `no receipt in ${paths.join(', ')} is about a file that was got or put`,
      {
        family: 'caller',
      },
    );
  if (report.files === 0)
    throw new NsError('NS_RECEIPTS', `no receipts in ${paths.join(', ')}`, { family: 'caller' });
  if (json) {
    for (const device of report.devices) terminal.print(deviceJson(device));
    terminal.print(sumJson(report));
  } else {
    if (held.length <= FEW) say(held.flat());
    for (const device of report.devices) say(deviceLines(device));
    say([sumLine(report)]);
  }
  return exitOf(report);
}

/** How a device's audit log stands against all that this side keeps of it. */
export interface AuditCheck {
  readonly lines: readonly string[];
  readonly reports: readonly DeviceReport[];
  readonly holds: boolean;
}

/** Checks the log as it was just read, and the receipts, against everything kept here of this device. */
export async function checkAudit(context: Context, device: string): Promise<AuditCheck> {
  const keys = await keysOf(context, {});
  const folder = deviceFolder(await context.receipts(), keys.tenant, device);
  const verification = new Verification(keys);
  let badFiles = 0;
  for await (const { path, bytes } of receiptFiles([folder], LARGEST_EVIDENCE)) {
    context.signal.throwIfAborted();
    if (verification.add(path, bytes).is === 'bad') badFiles += 1;
  }
  const { devices } = verification.end();
  const chain = devices.flatMap((report) => report.chain.findings);
  const lines = devices.flatMap((report) => [
    ...auditLines(report),
    ...report.chain.findings.map(({ code, sentence }) => `${code}: ${sentence}`),
  ]);
  const bad =
    badFiles === 0 ? [] : [`${badFiles} kept files do not hold: look at them with "nightshift verify"`];
  const findings = [...chain, ...devices.flatMap((report) => report.audit.findings)];
  return {
    lines: [...lines, ...bad],
    reports: devices,
    holds: badFiles === 0 && findings.every(({ is }) => is !== 'wrong'),
  };
}

/** verify: needs no device and no broker. */
export function addVerifyCommand(program: Command, run: Run): void {
  const list = (text: string, before: string[] = []): string[] => [...before, text];
  program
    .command('verify')
    .description('check kept receipts offline: signatures, orders, their chain, and the audit log')
    .argument('[paths...]', 'receipt files and directories (default: the receipts folder)')
    .option(
      '--keyring <file>',
      'keys of those who give orders: a signed keyring, a list, or an agent.yaml; repeatable',
      list,
    )
    .option('--roots <file>', 'who signs keyrings: threshold and keys, or an agent.yaml with keyringRoots')
    .option('--device <name=key>', "a device's public key, beside those configured; repeatable", list)
    .option('--file <file>', 'the file that was got or put: held against each receipt of a get or put')
    .option('-l, --long', 'tell of every receipt')
    .action((paths: string[], o: VerifyOptions) => run((context) => verify(context, paths, o)));
}
