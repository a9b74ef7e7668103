import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { withDevices } from '../../adapters/config-devices.ts';
import { writeOrderText } from '../../adapters/order-file.ts';
import { pipedText } from '../../adapters/piped-text.ts';
import { configInvalid, EXIT, type ExitCode, jsonLine, readIdentities } from '../../fleet/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';

/** A line for each device, of so many devices at most. */
const LARGEST_INPUT = 4 * 1024 * 1024;

interface AddOptions {
  readonly replace?: true;
}

async function add(context: Context, given: readonly string[], o: AddOptions): Promise<ExitCode> {
  const path = await context.configFile();
  const text =
    given.length > 0
      ? given.join('\n')
      : await pipedText('what the devices printed', LARGEST_INPUT, context.signal);
  const identities = readIdentities(text);
  const before = await readFile(path, 'utf8').catch((error: unknown) => {
    throw configInvalid(`${path} cannot be read`, error);
  });
  const { text: after, added } = withDevices(path, before, identities, o.replace === true);
  if (added.length > 0) await writeOrderText(path, after, true);
  for (const [device, key] of identities) {
    const fresh = added.includes(device);
    if (context.json)
      context.terminal.print(jsonLine('device', { host: device, key, file: path, added: fresh }));
    else context.terminal.print(`${device}: ${fresh ? `added to ${path}` : `is in ${path} already`}`);
  }
  return EXIT.done;
}

/** device add. */
export function addDeviceCommand(program: Command, run: Run): void {
  program
    .command('device')
    .description('the devices of the configuration')
    .command('add')
    .description('take a device into the configuration, by what "nightshift-agent --identity" printed on it')
    .argument('[identity...]', '"NAME: KEY", as it was printed; where absent, lines on standard input')
    .option('--replace', 'also where the name stands there with another key')
    .action((given: string[], o: AddOptions) => run((context) => add(context, given, o)));
}
