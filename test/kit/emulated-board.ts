import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** An emulated processor is some hundred times slower than a real one. */
export const EMULATED_PATIENCE = 240_000;

/** Packs a board's firmware into a directory, with these files for its first start. Says how much of its flash is used, in MiB. */
export async function packFirmware(board: string, out: string, args: readonly string[]): Promise<number> {
  const { stdout } = await run(
    process.execPath,
    ['--import=tsx', 'flash/pack.ts', '--board', board, '--out', out, ...args],
    { timeout: 600_000, maxBuffer: 1024 * 1024 },
  );
  const parts = [...stdout.matchAll(/^\S+ +([0-9.]+) of [0-9.]+ MiB/gm)];
  return parts.reduce((sum, [, used]) => sum + Number(used), 0);
}

/**
 * For the files of a board's first start: somebody at its console. "end" ends the agent, as nothing in it can; "memory" asks
 * how much of it is resident.
 */
export async function putAtConsole(factory: string): Promise<void> {
  const atStart = [
    '#!/bin/busybox sh',
    'while read -r line; do',
    '  case "$line" in',
    '    end) busybox killall -9 node ;;',
    '    memory) for id in $(busybox pidof node); do busybox sed -n "s/^VmRSS:/resident of $id:/p" "/proc/$id/status"; done ;;',
    '  esac',
    'done </dev/console',
    '',
  ];
  await writeFile(join(factory, 'at-start'), atStart.join('\n'), { mode: 0o755 });
}

/** For the files of a board's first start: at its second one the board is tested, before its agent has its lines. */
export async function putBoardTest(factory: string): Promise<void> {
  // The first program reads it for the network's settings.
  const before = [
    'if [ -f /state/enrolled ] && [ ! -f /state/tested ]; then',
    '  : >/state/tested',
    '  node /opt/nightshift/dist/nightshift-agent.mjs board test --config /state/agent.yaml --board "$BOARD"',
    'fi',
    '',
  ];
  await writeFile(join(factory, 'network'), before.join('\n'));
}

/** Of the agent on a board that has somebody at its console, in MiB. */
export async function residentMemory(board: EmulatedBoard): Promise<number> {
  board.type('memory\n');
  return Number(await board.hears(/^resident of \d+:\s+(\d+) kB$/m)) / 1024;
}

/** QEMU's arm64 machine with the packed firmware on its first disk, and the host's drive as the second. */
export function virtMachine(firmware: string, drive: string): readonly [string, ...string[]] {
  return [
    'qemu-system-aarch64',
    ...['-M', 'virt', '-cpu', 'cortex-a53', '-smp', '2', '-m', '256', '-display', 'none', '-no-reboot'],
    ...['-kernel', join(firmware, 'kernel'), '-initrd', join(firmware, 'initrd')],
    ...['-append', 'console=ttyAMA0 quiet panic=1'],
    ...['-drive', `file=${join(firmware, 'qemu-virt.img')},if=none,id=flash,format=raw`],
    ...['-device', 'virtio-blk-pci,drive=flash'],
    ...['-drive', `file=${drive},if=none,id=host,format=raw`, '-device', 'virtio-blk-pci,drive=host'],
    ...['-nic', 'user,model=virtio-net-pci', '-device', 'i6300esb', '-device', 'virtio-rng-pci'],
    ...['-serial', 'stdio', '-monitor', 'none'],
  ];
}

export interface EvbParts {
  readonly monitor: string;
  /** The other end of the host's serial console. */
  readonly hostConsole: string;
  /** An image: the host's drive, behind an EmulatedSwitch. */
  readonly drive: string;
}

/** QEMU's AST2600 evaluation board with the packed firmware in its flash, a monitor, its first UART on a socket, and a drive. */
export function evbMachine(
  firmware: string,
  { monitor, hostConsole, drive }: EvbParts,
): readonly [string, ...string[]] {
  return [
    'qemu-system-arm',
    ...['-M', 'ast2600-evb', '-m', '1G', '-display', 'none'],
    ...['-kernel', join(firmware, 'kernel'), '-initrd', join(firmware, 'initrd')],
    ...['-dtb', join(firmware, 'ast2600-evb.dtb')],
    ...['-append', 'console=ttyS4,115200n8 vmalloc=500M quiet panic=1'],
    ...['-drive', `file=${join(firmware, 'ast2600-evb.img')},if=mtd,format=raw`],
    ...['-blockdev', `driver=raw,node-name=host,file.driver=file,file.filename=${drive}`],
    ...['-nic', 'user,mac=52:54:00:aa:bb:cc', '-qmp', `unix:${monitor},server=on,wait=off`],
    ...['-serial', 'stdio', '-serial', `unix:${hostConsole},server=on,wait=off`, '-monitor', 'none'],
  ];
}

/** QEMU's machine of a POWER10's service processor with the packed firmware in its eMMC, which is an SD card there. */
export function rainierMachine(firmware: string, monitor: string): readonly [string, ...string[]] {
  return [
    'qemu-system-arm',
    ...['-M', 'rainier-bmc', '-m', '1G', '-display', 'none'],
    ...['-kernel', join(firmware, 'kernel'), '-initrd', join(firmware, 'initrd')],
    ...['-dtb', join(firmware, 'rainier.dtb')],
    ...['-append', 'console=ttyS4,115200n8 quiet panic=1'],
    ...['-drive', `file=${join(firmware, 'rainier.img')},if=sd,index=2,format=raw`],
    ...['-nic', 'user', '-qmp', `unix:${monitor},server=on,wait=off`],
    ...['-serial', 'stdio', '-monitor', 'none'],
  ];
}

/** An emulated board, and what it says on its console. */
export class EmulatedBoard {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #said = '';

  readonly #patience: number;

  constructor([program, ...args]: readonly [string, ...string[]], patience = EMULATED_PATIENCE) {
    this.#patience = patience;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('latin1').on('data', (text: string) => {
        this.#said = (this.#said + text.replaceAll('\r', '')).slice(-256 * 1024);
      });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('exit', resolve);
    });
  }

  /** What came over its serial console. */
  get said(): string {
    return this.#said;
  }

  /** Waits until it says this; the words are those of the first group, or of the whole. */
  async hears(pattern: RegExp): Promise<string> {
    const end = performance.now() + this.#patience;
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found !== null) return found[1] ?? found[0];
      if (this.#child.exitCode !== null)
        throw new Error(`the machine ended before it said ${pattern}:\n${this.#said}`);
      if (performance.now() > end) throw new Error(`it never said ${pattern}:\n${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What somebody types at its console. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Forgets what it said: what is heard from now on is new. */
  forget(): void {
    this.#said = '';
  }

  /** As by a pulled plug. */
  async pull(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
