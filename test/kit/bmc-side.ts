import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openRmcpServer } from '../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { utf8 } from '../../src/base/index.ts';
import {
  BmcCommands,
  bmcCommandSet,
  LanChannel,
  type LanFacts,
  LanResponder,
  lanCommands,
  SelStore,
  userKey,
} from '../../src/ipmi/index.ts';
import { FakeBmcMachine } from './fake-bmc-machine.ts';
import { MemoryState } from './memory-state.ts';

export const BMC_SIDE_PASSWORD = 's3cret-pw';
const LAN_FACTS: LanFacts = {
  address: '127.0.0.1',
  subnetMask: '255.0.0.0',
  gateway: '127.0.0.254',
  source: 'static',
  mac: '52:54:00:12:34:56',
  suites: [
    { id: 17, level: 'administrator' },
    { id: 3, level: 'administrator' },
  ],
};

/** The BMC side over a machine in memory, on a free loopback port: accounts "admin", "oper" and "viewer". */
export async function startBmcSide() {
  const machine = new FakeBmcMachine();
  const lines: string[] = [];
  const log = {
    log(level: string, event: string, fields: object = {}) {
      lines.push(`${level} ${event} ${JSON.stringify(fields)}`);
    },
  };
  const clock = systemClock;
  const sel = await SelStore.open({ store: new MemoryState(), clock, log });
  const life = new AbortController();
  const key = userKey(utf8(BMC_SIDE_PASSWORD));
  const channel = new LanChannel({
    accounts: [
      { id: 2, name: 'admin', key, level: 'administrator' },
      { id: 3, name: 'oper', key, level: 'operator' },
      { id: 4, name: 'viewer', key, level: 'user' },
    ],
    suites: [17, 3],
    guid: machine.identity.systemGuid,
  });
  const commands = new BmcCommands({
    commands: [
      ...lanCommands(channel),
      ...bmcCommandSet({ machine, sel, clock, log, life: life.signal, lan: () => LAN_FACTS }),
    ],
    clock,
    log,
  });
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const responder = new LanResponder({ channel, server, commands, clock, entropy: systemEntropy, log });
  return {
    machine,
    sel,
    lines,
    port: server.local.port,
    async close() {
      life.abort();
      await responder.close();
      await sel.close();
    },
  };
}

export interface ToolRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const run = promisify(execFile);
const TOOL_MS = 20_000;

async function tool(program: string, args: readonly string[]): Promise<ToolRun> {
  try {
    const { stdout, stderr } = await run(program, [...args], {
      timeout: TOOL_MS,
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const {
      code,
      stdout = '',
      stderr = '',
    } = error as {
      code?: unknown;
      stdout?: string;
      stderr?: string;
    };
    return { code: typeof code === 'number' ? code : -1, out: stdout, err: stderr };
  }
}

/** The incumbents' tools for one BMC, each run with a home of its own, so that nothing is kept from run to run. */
export async function ipmiTools(port: number, { user = 'admin', password = BMC_SIDE_PASSWORD } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'ns-ipmi-tools-'));
  const passwordFile = join(directory, 'password');
  await writeFile(passwordFile, password);
  const where = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-U', user, '-f', passwordFile];
  return {
    /** ipmitool with this cipher suite. */
    ipmitool: (suite: number, ...args: string[]) =>
      tool('ipmitool', [...where, '-C', String(suite), ...args]),
    /** One of FreeIPMI's tools, without a workaround. */
    freeipmi(program: string, suite: number, ...args: string[]) {
      const login = [
        '-D',
        'LAN_2_0',
        '-I',
        String(suite),
        '-h',
        `127.0.0.1:${port}`,
        '-u',
        user,
        '-p',
        password,
      ];
      const cache = ['ipmi-sensors', 'ipmi-sel', 'ipmi-fru'].includes(program)
        ? ['--sdr-cache-directory', directory]
        : [];
      return tool(program, [...login, ...cache, ...args]);
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
