import type { Command } from 'commander';
import { openAgreementFile } from '../../adapters/operator-keys.ts';
import { equalBytes, NsError, toHex } from '../../base/index.ts';
import { answerRequest, EXIT, type ExitCode, jsonLine, readRequest } from '../../fleet/index.ts';
import type { KeyAgreement } from '../../ports/index.ts';
import { publicKeyFromText } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { confirmed } from './lock.ts';

interface ReleaseOptions {
  readonly qr?: string;
  readonly yes?: true;
}

/** People set their own configuration up by hand: what it says of the own key is worth a word, and decides nothing. */
async function warnOfRole(context: Context, { publicKey }: KeyAgreement): Promise<void> {
  const { people } = await context.config();
  const me = people.find(({ key }) => equalBytes(publicKeyFromText(key).keyId, publicKey.keyId));
  if (me === undefined || me.role === 'security') return;
  context.terminal.warn(
    `Your key has the role ${me.role} here; devices take codes of the role security only.`,
  );
}

async function release(
  context: Context,
  host: string | undefined,
  words: readonly string[],
  { qr, yes }: ReleaseOptions,
): Promise<ExitCode> {
  if (qr !== undefined && words.length > 0) {
    throw new NsError('NS_USAGE', 'give either the words or --qr', { family: 'caller' });
  }
  if (qr === undefined && host === undefined) {
    throw new NsError('NS_USAGE', 'name the device and the nine words that it shows', { family: 'caller' });
  }
  const config = await context.config();
  const device = host === undefined ? {} : { device: host };
  const request = readRequest(
    config,
    qr === undefined
      ? { device: host ?? '', words: words.flatMap((word) => word.split(/[\s,-]+/)).filter(Boolean) }
      : { ...device, qr },
  );
  if (!context.json) {
    for (const line of [
      `${request.device} (tenant ${config.tenant}, key ${toHex(request.deviceKey.keyId)}), lock version ${request.lockVersion}:`,
      '  With your code, and one of another person, whoever is at this machine RELEASES it: it can be switched on,',
      '  and its disks go back to it. Ask who that is, and why, before you read a code out.',
    ]) {
      context.terminal.warn(clean(line));
    }
  }
  await confirmed(context, 'Make the code?', yes === true);
  const keyFile = await context.keyFile();
  const own = await openAgreementFile(keyFile, () => context.passphrase(`Passphrase of ${keyFile}`));
  await warnOfRole(context, own);
  const code = await answerRequest(own, request);
  if (context.json) {
    const { lockVersion } = request;
    context.terminal.print(
      jsonLine('release', { host: request.device, lockVersion, key: toHex(own.publicKey.keyId), code }),
    );
  } else {
    context.terminal.print(code);
    context.terminal.warn('It works once, on this machine only, and until its challenge changes.');
  }
  return EXIT.done;
}

/** release: an officer's code for a machine without a network. */
export function addReleaseCommand(program: Command, run: Run): void {
  program
    .command('release')
    .description(
      'answer the challenge of a disabled machine that has no network, with your code; works offline',
    )
    .argument('[device]', 'the machine that shows the challenge')
    .argument('[words...]', 'the nine words; their first four letters are enough')
    .option('--qr <text>', 'the text of the QR code instead: NS1:...')
    .option('-y, --yes', 'do not ask')
    .action((device: string | undefined, words: string[], o: ReleaseOptions) =>
      run((context) => release(context, device, words, o)),
    );
}
