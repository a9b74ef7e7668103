import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeRequest } from '../../src/ipmi/wire/message.ts';
import { encodeSessionless } from '../../src/ipmi/wire/packet.ts';
import { freeUdpPort } from './free-port.ts';

export const SIM_USERS = {
  admin: 's3cret-pw',
  oper: 'oper-pw',
  viewer: 'view-pw',
} as const;

export interface IpmiSim {
  readonly port: number;
  /** What the machine was ordered to do, by an independent witness: "power 1", "reset 1", "boot pxe". */
  orders(): Promise<readonly string[]>;
  /** In whole degrees, read by the BMC within half a second. */
  setTemperature(degrees: number): Promise<void>;
  close(): Promise<void>;
}

export interface IpmiSimOptions {
  /** At most 256 bytes. */
  readonly fru?: Uint8Array;
  /** False: without the program that notes orders, which is run for every Get Chassis Status and takes most of its time. */
  readonly program?: boolean;
  /** A TCP port of the loopback where the host's serial console is: whoever listens there is the host. */
  readonly consolePort?: number;
  /** The address of a second controller, on the BMC's IPMB. */
  readonly satellite?: number;
}

const FILES = join(import.meta.dirname, '../vectors/ipmi_sim');
const FRU_SIZE = 256;
const START_MS = 30_000;

/** Answers a question before any session. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const ask = { netFn: 6, command: 0x38, data: Uint8Array.of(0x8e, 4), sequence: 1 };
  const heard = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), 50);
    socket.on('error', () => {});
    socket.once('message', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  socket.send(encodeSessionless(encodeRequest(ask)), port, '127.0.0.1');
  const answer = await heard;
  socket.close();
  return answer;
}

/** A real BMC on a free loopback port: OpenIPMI's ipmi_sim, with test/vectors/ipmi_sim. scripts/setup installs it. */
export async function startIpmiSim(options: IpmiSimOptions = {}): Promise<IpmiSim> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-ipmi-sim-'));
  const port = await freeUdpPort();
  await cp(FILES, directory, { recursive: true });
  for (const name of ['lan.conf', 'bmc.emu']) {
    let text = await readFile(join(FILES, name), 'utf8');
    if (options.program === false) text = text.replace(/^\s*chassis_control .*$/m, '');
    if (name === 'lan.conf' && options.consolePort !== undefined) {
      const sol = `  sol "tcp:127.0.0.1:${options.consolePort}" 115200 history=4000`;
      text = text.replace('  startnow false', `${sol}\n  startnow false`);
    }
    if (name === 'bmc.emu' && options.satellite !== undefined) {
      const address = `0x${options.satellite.toString(16)}`;
      text += `\nmc_add ${address} 0x2a no-device-sdrs 0x01 0x07 0x55 0x1f 0x1291 0xf03\nmc_enable ${address}\n`;
    }
    await writeFile(
      join(directory, name),
      text.replaceAll('@DIR@', directory).replaceAll('@PORT@', String(port)),
    );
  }
  const fru = new Uint8Array(FRU_SIZE);
  fru.set(options.fru ?? new Uint8Array(0));
  await writeFile(join(directory, 'fru.bin'), fru);
  await writeFile(join(directory, 'temp.val'), '55\n');
  const state = join(directory, 'state/ipmi_sim/nsbmc');
  await mkdir(state, { recursive: true });
  execFileSync('sdrcomp', ['-o', join(state, 'sdr.20.main'), join(directory, 'nsbmc.sdrs')]);
  const child = spawn(
    'ipmi_sim',
    [
      '-c',
      join(directory, 'lan.conf'),
      '-f',
      join(directory, 'bmc.emu'),
      '-s',
      join(directory, 'state'),
      '-n',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      if (output.length < 10_000) output += bytes.toString();
    });
  }
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  const end = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > end) {
      await close();
      throw new Error(`ipmi_sim does not answer:\n${output}`);
    }
  }
  return {
    port,
    close,
    async orders() {
      const log = await readFile(join(directory, 'power.log'), 'utf8').catch(() => '');
      return log
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.slice(line.indexOf(' ') + 1));
    },
    setTemperature: (degrees) => writeFile(join(directory, 'temp.val'), `${degrees}\n`),
  };
}
