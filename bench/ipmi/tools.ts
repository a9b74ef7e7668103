import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeRequest } from '../../src/ipmi/wire/message.ts';
import { encodeSessionless } from '../../src/ipmi/wire/packet.ts';

async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}`);
  return output;
}

export interface Tools {
  /** Power status of all of them, in one call. */
  ipmipower(ports: readonly number[], suite?: 3 | 17): Promise<void>;
  ipmitool(port: number): Promise<void>;
  close(): Promise<void>;
}

/** The incumbents, with the password in files as ours has it. */
export async function openTools(user: string, password: string): Promise<Tools> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-bench-ipmi-'));
  const config = join(directory, 'freeipmi.conf');
  const secret = join(directory, 'password');
  await writeFile(config, `username ${user}\npassword ${password}\n`, { mode: 0o600 });
  await writeFile(secret, password, { mode: 0o600 });
  return {
    ipmipower: async (ports, suite = 3) => {
      const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
      // ipmi_sim gives back the level that was asked for, which FreeIPMI takes for none: hence the workaround.
      const around = suite === 3 ? ['-W', 'opensesspriv'] : [];
      const how = [`--config-file=${config}`, '-D', 'LAN_2_0', '-I', String(suite), ...around];
      const args = [...how, '-h', hosts, '--stat'];
      const output = await run('ipmipower', args);
      const told = output.split('\n').filter((line) => /: (on|off)$/.test(line)).length;
      if (told !== ports.length) throw new Error(`ipmipower told of ${told} of ${ports.length}:\n${output}`);
    },
    ipmitool: async (port) => {
      const to = [
        '-I',
        'lanplus',
        '-H',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        user,
        '-f',
        secret,
        '-C',
        '3',
      ];
      const output = await run('ipmitool', [...to, 'chassis', 'power', 'status']);
      if (!output.includes('Chassis Power is')) throw new Error(`ipmitool said:\n${output}`);
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Get Channel Authentication Capabilities outside any session: nothing cheaper is answered. */
export async function sessionless(port: number): Promise<{ ask(): Promise<void>; close(): void }> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const data = Uint8Array.of(0x8e, 4);
  let sequence = 0;
  return {
    ask: () =>
      new Promise((resolve) => {
        sequence = (sequence + 1) % 64;
        socket.once('message', () => resolve());
        socket.send(encodeSessionless(encodeRequest({ netFn: 6, command: 0x38, data, sequence })));
      }),
    close: () => void socket.close(),
  };
}
