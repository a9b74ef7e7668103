import { type Duration, NsError, seconds } from '../../base/index.ts';
import type { DriveAnswer, DriveSecurity, DriveSecurityState } from '../../ports/index.ts';
import { runTool, type ToolResult } from '../volume-tools/run-tool.ts';
import { securityOf } from './identify-security.ts';
import {
  ATA_BLOCK,
  type AtaCommand,
  answerIn,
  DISCOVERY_BYTES,
  levelZeroDiscovery,
  passThrough,
  passwordBlock,
} from './pass-through.ts';

export interface SgRawOptions {
  /** "disk0". */
  readonly disk: string;
  /** "/dev/sg1", "/dev/sda": where the drive is while our side has it. Absolute. */
  readonly device: string;
  /** The program; sg_raw of sg3-utils by default. */
  readonly tool?: string;
  /** Longer than a drive takes to spin up. */
  readonly deadline?: Duration;
  /** Brings the drive to our side for a command, and back; for boards whose wires need that. */
  readonly within?: <T>(act: () => Promise<T>) => Promise<T>;
}

const DEADLINE = seconds(12);
/** Exit statuses for a device that cannot be opened: in general, and for ENOENT, ENXIO and ENODEV. */
const NO_DEVICE = [15, 52, 56, 69];

/**
 * The own lock of a real drive, by ATA PASS-THROUGH (16) through sg_raw. A password goes to its standard input. What came of a command
 * the drive's registers say; without them it is not known, and is for whoever reads the drive then.
 */
export class SgRawSecurity implements DriveSecurity {
  readonly disk: string;
  readonly #options: SgRawOptions;

  constructor(options: SgRawOptions) {
    if (!options.device.startsWith('/')) throw new TypeError('a device is named by its whole path');
    this.disk = options.disk;
    this.#options = options;
  }

  async read(signal: AbortSignal): Promise<DriveSecurityState | undefined> {
    const { status, stdout } = await this.#run('identify', undefined, signal);
    if (status !== undefined && NO_DEVICE.includes(status)) return undefined;
    if (status !== 0 || stdout.length !== ATA_BLOCK) throw this.#unknown('identify', status);
    return securityOf(Uint8Array.from(stdout, (letter) => letter.charCodeAt(0)));
  }

  /** By SECURITY PROTOCOL IN, which Linux passes to a SATA drive as TRUSTED RECEIVE. */
  async discover(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { status, stdout } = await this.#runRaw(
      levelZeroDiscovery(),
      ['-b', '-r', `${DISCOVERY_BYTES}`],
      signal,
    );
    return status === 0 ? Uint8Array.from(stdout, (letter) => letter.charCodeAt(0)) : undefined;
  }

  setPassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send('setPassword', password, signal);
  }

  unlock(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send('unlock', password, signal);
  }

  disablePassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send('disablePassword', password, signal);
  }

  async #send(
    command: Exclude<AtaCommand, 'identify'>,
    password: Uint8Array,
    signal: AbortSignal,
  ): Promise<DriveAnswer> {
    const { status, stderr } = await this.#run(command, passwordBlock(command, password), signal);
    const answer = answerIn(stderr);
    if (answer === undefined) throw this.#unknown(command, status);
    return answer;
  }

  #run(command: AtaCommand, input: Uint8Array | undefined, signal: AbortSignal): Promise<ToolResult> {
    const data = input === undefined ? ['-b', '-r', `${ATA_BLOCK}`] : ['-s', `${ATA_BLOCK}`];
    return this.#runRaw(passThrough(command), data, signal, input);
  }

  #runRaw(
    block: readonly number[],
    data: readonly string[],
    signal: AbortSignal,
    input?: Uint8Array,
  ): Promise<ToolResult> {
    const { device, tool = 'sg_raw', deadline = DEADLINE, within = (act) => act() } = this.#options;
    const cdb = block.map((byte) => byte.toString(16).padStart(2, '0'));
    return within(() =>
      runTool({
        tool,
        args: ['-t', '10', ...data, device, ...cdb],
        deadline,
        signal,
        confined: 'raw-io',
        ...(input === undefined ? { binary: true } : { input }),
      }),
    );
  }

  /** Nothing of what the tool printed: what a drive says is no text for a log. */
  #unknown(command: AtaCommand, status: number | undefined): NsError {
    const text = `${this.disk}: it is not known what came of ${command} (sg_raw: ${status ?? 'killed'})`;
    return new NsError('NS_DRIVE_SECURITY', text, { retryable: true });
  }
}
