import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { openRmcpServer } from '../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { utf8 } from '../../src/base/index.ts';
import { BmcCommands, LanChannel, LanResponder, lanCommands, userKey } from '../../src/ipmi/index.ts';

// Many BMC sides in one process, each with a socket, sessions and sequence windows of its own.
const [count, user, password] = process.argv.slice(2) as [string, string, string];
const parts = { clock: systemClock, log: silentLog };
const ports: number[] = [];
const responders: LanResponder[] = [];
for (let n = 0; n < Number(count); n += 1) {
  const channel = new LanChannel({
    accounts: [{ id: 2, name: user, key: userKey(utf8(password)), level: 'administrator' }],
    suites: [17],
    guid: systemEntropy.randomBytes(16),
  });
  const status = {
    name: 'Get Chassis Status',
    netFn: 0,
    code: 1,
    from: { user: 'user', host: true },
    answer: () => Uint8Array.of(n % 2, 0, 0),
  } as const;
  const commands = new BmcCommands({ ...parts, commands: [...lanCommands(channel), status] });
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  ports.push(server.local.port);
  responders.push(new LanResponder({ ...parts, channel, server, commands, entropy: systemEntropy }));
}
process.send?.({ ports });
process.on('message', () => {
  process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss, responders: responders.length });
});
process.on('disconnect', () => process.exit());
