import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { utf8 } from '../../src/base/index.ts';
import type { SolConsole, SolEnd } from '../../src/ipmi/index.ts';
import { Keyring } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { freeUdpPort } from '../kit/free-port.ts';
import { MemoryLine } from '../kit/memory-line.ts';
import { addTechnicianTo, logInAt } from '../kit/technicians.ts';

const PASSWORD = 'a-long-password-4242';
const { dir, remove } = await scratch();
t.teardown(remove);
await writeFile(join(dir, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
const port = await freeUdpPort();
const host = await ColdHost.start({
  ipmi: {
    ...{ listen: ['127.0.0.1'], port, suites: [17], consoleLevel: 'operator' },
    accounts: [{ name: 'oper', passwordFile: join(dir, 'password'), level: 'operator' }],
  },
  fill: async () => undefined,
});
t.teardown(() => host.close());
const line = new MemoryLine();
host.openLine = line.open;
const tim = await addTechnicianTo(host, 'tim');
await host.stop();
await host.boot({ keyring: new Keyring([tim]), console: { path: '/dev/ttyS1', baud: 9600 } });
await line.expect(/\nhost1> $/);
await logInAt(line, 'tim');

const client = ipmiClient('127.0.0.1', 'oper', PASSWORD, { port, level: 'operator' });
t.teardown(() => client.close());
const { signal } = new AbortController();

/** Somebody who has the console over the network. */
async function overTheNetwork(): Promise<{ sol: SolConsole; heard: () => string; ends: SolEnd[] }> {
  const sol = await client.sol({}, signal);
  let heard = '';
  const ends: SolEnd[] = [];
  sol.onData((bytes) => {
    heard += Buffer.from(bytes).toString('latin1');
  });
  sol.onEnd((end) => ends.push(end));
  return { sol, heard: () => heard, ends };
}

await t.test(
  'the console at the device and SOL: one of them writes, and each is told of the other',
  async (t) => {
    line.type('host console\r');
    await line.expect(/writing; ~\./);
    await t.rejects(client.sol({}, signal), 'the technician has it');
    line.type('\r~.');
    await line.expect(/tim@host1> $/);

    const far = await overTheNetwork();
    line.type('host console\r');
    t.match(await line.expect(/watching; ~\./), /\[IPMI user oper at 127\.0\.0\.1:\d+ has the console/);
    far.sol.write(utf8('from afar\r'));
    await line.expect(/from afar\r\nsim-host> /);
    await eventually(() => far.heard().includes('from afar'));
    line.type('not heard');
    await line.expect(/only to watch/);
    line.type('\r~.');
    await line.expect(/tim@host1> $/);

    line.type('host console -take\r');
    await line.expect(/writing; ~\./);
    await eventually(() => far.ends.length === 1);
    line.type('from near\r');
    await line.expect(/from near\r\nsim-host> /);
    t.notMatch(far.heard(), /from near|not heard/);
    line.type('\r~.');
    await line.expect(/tim@host1> $/);
    const again = await overTheNetwork();
    await again.sol.close();
  },
);
