import { parseArgs } from 'node:util';
import { humanLog, silentLog } from '../../adapters/log.ts';
import { asNsError, NsError, sentenceOf } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';
import { publicKeyText } from '../../security/index.ts';
import { RELEASED, VERSION } from '../version.ts';
import { checkBoard } from './board-parts.ts';
import { type AgentConfig, readAgentConfig } from './config.ts';
import { startDevice } from './device.ts';
import { brokerOptions, openDeviceKey } from './parts.ts';

const OPTIONS = {
  board: { type: 'string' },
  config: { type: 'string' },
  identity: { type: 'boolean' },
  check: { type: 'boolean' },
  'drive-passwords': { type: 'boolean' },
  technicians: { type: 'boolean' },
  'add-technician': { type: 'string' },
  'remove-technician': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/** The process ends with it where the board is to start anew. */
const RESTART = 3;
/** Longest time for an orderly stop; after it the process ends as by a power cut, which it is built for. */
const STOP_MS = 10_000;

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', `${sentence}; see nightshift-agent --help`, { family: 'caller' });
}

async function logOf(config: AgentConfig): Promise<LogSink> {
  if (config.log === 'silent') return silentLog;
  if (config.log === 'human') return humanLog(process.stdout);
  return (await import('../../adapters/json-log.ts')).jsonLog(process.stdout, { name: 'nightshift-agent' });
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: false }).values;
  } catch (cause) {
    throw usage(sentenceOf(cause));
  }
}

async function run(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'board') {
    if (argv.includes('--help')) return print((await import('./help.ts')).HELP);
    const { boardTest } = await import('./board-test.ts');
    const say = (line: string): void => print(`${line}\n`);
    process.exitCode = await boardTest(argv.slice(1), { print: say, env: process.env });
    return;
  }
  const options = readArguments(argv);
  if (options.help === true) return print((await import('./help.ts')).HELP);
  if (options.version === true) return print(`${VERSION}\n`);
  if (options.config === undefined) throw usage('--config is missing');
  const config = await readAgentConfig(options.config, process.env);
  if (options.identity === true) {
    const key = await openDeviceKey(config.state);
    return print(`${config.device}: ${publicKeyText(key.publicKey)}\n`);
  }
  if (options['drive-passwords'] === true) {
    return print(await (await import('./drive-passwords.ts')).drivePasswords(config));
  }
  const { technicians, 'add-technician': added, 'remove-technician': removed } = options;
  if (technicians === true || added !== undefined || removed !== undefined) {
    const desk = await import('./technicians.ts');
    if (added !== undefined)
      return print(await desk.technicianAdded(config, added, await desk.firstLine(process.stdin)));
    return print(
      await (removed === undefined ? desk.technicianList(config) : desk.technicianRemoved(config, removed)),
    );
  }
  if (options.board === undefined) throw usage('--board is missing');
  if (options.check === true) {
    await checkBoard(options.board, config);
    await brokerOptions(config, () => RELEASED);
    const log = await logOf(config);
    await checkIpmi(config, log);
    if (config.metrics !== undefined) await (await import('./metrics.ts')).checkMetrics(config, log);
    if (config.firmware !== undefined) (await import('./firmware-config.ts')).firmwareConfig(config.firmware);
    if (config.console !== undefined)
      (await import('./host-console.ts')).hostConsoleConfig(config.console.host);
    return print('the configuration is good\n');
  }
  const log = await logOf(config);
  const device = await startDevice(options.board, config, log);
  const why = await Promise.race([stopAsked(), device.failed, device.restart]);
  const restart = typeof why === 'string';
  const failure = restart ? undefined : why;
  log.log(failure === undefined ? 'info' : 'error', 'device.stopping', restart ? { why } : {});
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await device.stop();
  if (failure !== undefined) throw failure;
  if (restart) process.exitCode = RESTART;
}

/** The sections `ipmi` and `hostPower`, with the files of secrets that they name. */
async function checkIpmi({ ipmi, hostPower }: AgentConfig, log: LogSink): Promise<void> {
  if (ipmi !== undefined) await (await import('./bmc.ts')).checkBmc(ipmi, log);
  if (hostPower?.ipmi !== undefined) {
    await (await import('./power.ts')).checkPowerByIpmi(hostPower.ipmi, log);
  }
}

function stopAsked(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
  });
}

function print(text: string): void {
  process.stdout.write(text);
}

// Whoever reads the log may go away; the device stays.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

run(process.argv.slice(2)).then(
  () => process.exit(),
  (error: unknown) => {
    const failure = asNsError(error);
    process.stderr.write(`nightshift-agent: ${failure.message}\n`);
    process.exit(failure.family === 'caller' ? 2 : 1);
  },
);
