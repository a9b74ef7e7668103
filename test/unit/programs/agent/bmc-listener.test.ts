import t from 'tap';
import { ipmiDiscover } from '../../../../src/adapters/ipmi-client.ts';
import { openRmcpServer } from '../../../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { utf8 } from '../../../../src/base/index.ts';
import { BmcCommands, LanChannel, lanCommands, userKey } from '../../../../src/ipmi/index.ts';
import { BmcListener } from '../../../../src/programs/agent/bmc-listener.ts';
import { eventually } from '../../../kit/eventually.ts';

const channel = new LanChannel({
  accounts: [{ id: 2, name: 'admin', key: userKey(utf8('a-password')), level: 'administrator' }],
  guid: new Uint8Array(16).fill(7),
});

function listener(port: number) {
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => void lines.push(`${level} ${event}`) };
  const clock = systemClock;
  const commands = new BmcCommands({ commands: lanCommands(channel), clock, log });
  return {
    lines,
    bmc: new BmcListener({ address: { host: '127.0.0.1', port }, channel, commands, clock, log }),
  };
}

await t.test('a port that somebody has is taken when it is free, and nothing fails meanwhile', async (t) => {
  const squatter = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const { port } = squatter.local;
  const { bmc, lines } = listener(port);
  t.teardown(() => bmc.close());
  await eventually(() => lines.includes('error bmc.not-listening'));
  await squatter.close();
  await eventually(() => lines.includes('info bmc.listening'));
  t.ok(await ipmiDiscover('127.0.0.1', { port }));
});

await t.test('one that never got its port ends at once all the same', async (t) => {
  const squatter = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  t.teardown(() => squatter.close());
  const { bmc, lines } = listener(squatter.local.port);
  await eventually(() => lines.includes('error bmc.not-listening'));
  await bmc.close();
  t.same(new Set(lines), new Set(['error bmc.not-listening']));
});
