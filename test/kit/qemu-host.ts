import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  openQemuHost,
  parseQemuHostConfig,
  type QemuHost,
  type QemuHostConfigInput,
  type QemuHostOptions,
} from '../../src/adapters/qemu-host/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { LogSink } from '../../src/ports/index.ts';
import { eventually } from './eventually.ts';
import { HeardLines } from './heard-lines.ts';
import { connectQmp, type Qmp } from './qmp.ts';

export interface QemuMachineOptions {
  /** Of its sockets; made where it is not there. */
  readonly directory: string;
  /** Raw images: block nodes disk0, disk1, … */
  readonly images?: readonly string[];
  /** Sockets of chains: block nodes after those of images. */
  readonly chains?: readonly string[];
  /** Of scripts/qemu-host, "--" and options of QEMU's. */
  readonly args?: readonly string[];
  /** Whoever waits for what. */
  readonly lifeSeconds?: number;
  /** MiB; 64 by default. */
  readonly memory?: number;
}

/** A machine of scripts/qemu-host. */
export interface QemuMachine {
  readonly complaints: HeardLines;
  /** The monitor for people: a stranger to the agent. */
  people(): Promise<Qmp>;
  readonly ended: Promise<number | null>;
  /** Takes its mains away. */
  stop(): Promise<void>;
  /** The emulator itself hangs, or goes on. */
  freeze(frozen: boolean): void;
}

const SCRIPT = fileURLToPath(new URL('../../scripts/qemu-host', import.meta.url));

export async function startQemuMachine(options: QemuMachineOptions): Promise<QemuMachine> {
  const { directory, images = [], chains = [], args = [], lifeSeconds = 60, memory = 64 } = options;
  await mkdir(directory, { recursive: true });
  const disks = [
    ...images.flatMap((image) => ['--disk', image]),
    ...chains.flatMap((chain) => ['--chain', chain]),
  ];
  const life = ['--foreground', '--kill-after=3', `${lifeSeconds}`];
  const child = spawn(
    'timeout',
    [...life, SCRIPT, '--run', directory, '--memory', `${memory}`, ...disks, ...args],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  const complaints = new HeardLines('QEMU', child.stderr);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const signal = (name: NodeJS.Signals): void => {
    // The whole group: timeout(1) and QEMU, where they still are.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, name);
  };
  return {
    complaints,
    ended,
    people: async () => {
      let monitor: Qmp | undefined;
      await eventually(async () => {
        monitor = await connectQmp(join(directory, 'qmp.sock')).catch(() => undefined);
        return monitor !== undefined;
      });
      return monitor!;
    },
    stop: async () => {
      signal('SIGCONT');
      signal('SIGTERM');
      await ended;
    },
    freeze: (frozen) => signal(frozen ? 'SIGSTOP' : 'SIGCONT'),
  };
}

/** Waits until both know of each other: BMC and emulator, agent and monitor. */
export async function met(host: QemuHost): Promise<void> {
  const [qmp] = host.sources;
  await eventually(() => host.bmc.can('powerOff'));
  await eventually(async () => {
    const claim = await qmp!.read(new AbortController().signal).catch(() => undefined);
    return claim !== undefined && claim.said['run-state'] !== 'gone';
  });
}

const silent: LogSink = { log: () => {} };

/** The agent's side of such a machine. */
export async function openHostOf(
  directory: string,
  images: readonly string[] = [],
  log: LogSink = silent,
): Promise<QemuHost> {
  return openHost(directory, { disks: images.map((image, i) => ({ name: `disk${i}`, image })) }, { log });
}

export async function openHost(
  directory: string,
  config: Pick<QemuHostConfigInput, 'disks'>,
  options: Partial<QemuHostOptions> = {},
): Promise<QemuHost> {
  await mkdir(directory, { recursive: true });
  const at = (name: string): string => join(directory, name);
  const sockets = { qmp: at('qmp-agent.sock'), bmc: at('bmc.sock'), control: at('control.sock') };
  return openQemuHost(parseQemuHostConfig({ ...sockets, ...config }), {
    clock: systemClock,
    log: silent,
    ...options,
  });
}
