import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { HeardLines } from './heard-lines.ts';
import { connectQmp, type Qmp } from './qmp.ts';

/** An export that a machine's drive is to be. */
export interface NbdPlace {
  readonly socketPath: string;
  readonly exportName: string;
}

export interface QemuOptions {
  /** Where its monitor's socket is made. One machine a directory at a time. */
  readonly directory: string;
  /** Beside the bare machine: see bareMachine. Standard input and output may be used as a chardev. */
  readonly args: readonly string[];
  /** MiB of memory; 64 by default. */
  readonly memory?: number;
  /** After so many seconds the machine is ended, whoever waits for what; also where the test itself is gone. */
  readonly lifeSeconds?: number;
}

/** A machine that runs. */
export interface Qemu {
  /** What it says on the chardev on standard output. */
  readonly said: HeardLines;
  /** QEMU's own complaints. */
  readonly complaints: HeardLines;
  /** To the chardev on standard input. */
  tell(text: string): void;
  /** Its monitor; can be asked for once. */
  monitor(): Promise<Qmp>;
  /** The exit code, when it ends by itself. Throws where it ran out of life or was killed. */
  readonly ended: Promise<number>;
  /** Takes its power away. */
  stop(): Promise<void>;
}

const LIFE_SECONDS = 150;
const MONITOR_MS = 15_000;
/** What timeout(1) ends with where it had to end the program, and where that did not help. */
const OUT_OF_LIFE = [124, 137];

/**
 * A machine with an AHCI controller of six ports (buses ide.0 to ide.5) and nothing plugged into it. The processor is
 * emulated: /dev/kvm being there does not make it usable (where it is itself emulated, a boot of 3 s takes minutes), and
 * the tests would differ from place to place. NIGHTSHIFT_QEMU_ACCEL=kvm overrules that.
 */
function bareMachine(memory: number): string[] {
  const accelerator = process.env.NIGHTSHIFT_QEMU_ACCEL ?? 'tcg';
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', 'q35', '-accel', accelerator, '-m', `${memory}`],
  ];
}

/**
 * A SATA drive on the first AHCI port, whose sectors are an NBD export. Every error of the export becomes an error of
 * the drive. QEMU does not start at all where the export cannot be had.
 */
export function ahciDrive(place: NbdPlace): string[] {
  return [
    '-blockdev',
    JSON.stringify(nbdNode(place)),
    '-device',
    'ide-hd,bus=ide.0,drive=chain,rerror=report,werror=report',
  ];
}

/** The same export as blockdev-add wants it. */
export function nbdNode({ socketPath, exportName }: NbdPlace): Record<string, unknown> {
  const server = { type: 'unix', path: socketPath };
  return { driver: 'nbd', 'node-name': 'chain', server, export: exportName };
}

/** Bytes that the guest writes to I/O port 0xE9 are said; a byte N written to port 0xF4 ends with exit code 2N+1. */
export const debugConsole: readonly string[] = [
  ...['-chardev', 'stdio,id=words,signal=off', '-device', 'isa-debugcon,iobase=0xe9,chardev=words'],
  ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
];

/** What the firmware logs is said. */
export const firmwareLog: readonly string[] = [
  ...['-chardev', 'stdio,id=words,signal=off', '-device', 'isa-debugcon,iobase=0x402,chardev=words'],
];

/** Switches a machine on. */
export function startQemu(options: QemuOptions): Qemu {
  const socket = join(options.directory, 'qmp');
  const life = options.lifeSeconds ?? LIFE_SECONDS;
  const child = spawn(
    'timeout',
    [
      ...['--foreground', '--kill-after=3', `${life}`, 'qemu-system-x86_64'],
      ...bareMachine(options.memory ?? 64),
      ...['-qmp', `unix:${socket},server=on,wait=off`],
      ...options.args,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  // A machine that is gone takes no more input.
  child.stdin.on('error', () => {});
  const said = new HeardLines('the machine', child.stdout);
  const complaints = new HeardLines('QEMU', child.stderr);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = exitOf(child, life, () => `${said.text}\n${complaints.text}`);
  // Whoever is interested awaits it; nobody has to.
  ended.catch(() => {});
  return {
    said,
    complaints,
    tell: (text) => void child.stdin.write(text),
    monitor: () => monitorOf(child, socket),
    ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await closed;
    },
  };
}

async function exitOf(child: ChildProcess, life: number, heard: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Error('cannot run timeout(1) and qemu-system-x86_64; run scripts/setup', { cause }));
    });
    child.once('close', (code, signal) => {
      if (code !== null && !OUT_OF_LIFE.includes(code)) resolve(code);
      else reject(new Error(`the machine did not end within ${life} s (${signal ?? code}):\n${heard()}`));
    });
  });
}

async function monitorOf(child: ChildProcess, socket: string): Promise<Qmp> {
  const end = performance.now() + MONITOR_MS;
  for (;;) {
    try {
      return await connectQmp(socket);
    } catch (error) {
      // It is not there yet; or it is, and nobody listens yet.
      if (child.exitCode !== null || performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
