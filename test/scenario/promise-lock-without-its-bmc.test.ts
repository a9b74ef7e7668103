import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SimHost } from '../../src/adapters/sim/host.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { BoardParts } from '../../src/programs/agent/board.ts';
import type { AgentConfig } from '../../src/programs/agent/config.ts';
import { openMachine } from '../../src/programs/agent/machine.ts';
import { eventually } from '../kit/eventually.ts';
import { freeUdpPort } from '../kit/free-port.ts';

const log = { log: () => {} };

await t.test(
  'promise 6: a disabled host is kept down also where the BMC that is asked says nothing',
  async (t) => {
    const state = await mkdtemp(join(tmpdir(), 'ns-'));
    t.teardown(() => rm(state, { recursive: true }));
    const passwordFile = join(state, 'bmc.pw');
    await writeFile(passwordFile, 'secret\n');
    const host = new SimHost({ clock: systemClock, state: 'S5' });
    const board = {
      description: { wakeSettleMs: 1000 },
      power: host,
      control: host,
      switches: [],
      close: async () => {},
    } as unknown as BoardParts;
    const ipmi = {
      host: '127.0.0.1',
      port: await freeUdpPort(),
      user: 'nightshift',
      passwordFile,
      suites: [17],
      quirks: [],
      required: true,
    };
    const config = { state, base: state, limits: { stagingMiB: 1 }, hostPower: { ipmi } };
    const machine = await openMachine('sim-host', config as unknown as AgentConfig, log, async () => board);
    t.teardown(() => machine.close());
    t.equal((await machine.power.read()).state, 'unknown', 'nothing is certain without that BMC');
    await machine.lockout.disable({});
    host.set('S0', 'by a way that no mask reaches');
    await eventually(() => host.state === 'S5', 5000);
    t.equal(host.state, 'S5');
    await machine.letGo();
  },
);
