import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readAgentConfig } from '../../../src/agent-config.ts';

const directory = t.testdir({});
const path = join(directory, 'agent.yaml');

/** The relay's part of a configuration with this one. */
async function relayOf(relay: unknown) {
  const config = { device: 'host1', broker: 'mqtt://127.0.0.1', state: 'state', keyring: [], relay };
  writeFileSync(path, JSON.stringify(config));
  return (await readAgentConfig(path, {})).relay;
}

await t.test('a device without links has no relay', async (t) => {
  t.equal(await relayOf(undefined), undefined);
});

await t.test('sockets are beside the file, serial lines where they are', async (t) => {
  t.same(await relayOf({ above: 'connect:run/up.sock', below: 'serial:/dev/ttyS1@9600', for: ['host2'] }), {
    links: [
      { is: 'connect', path: join(directory, 'run/up.sock') },
      { is: 'serial', device: '/dev/ttyS1', baud: 9600 },
    ],
    for: ['host2'],
    afterSeconds: 30,
    spoolMiB: 4,
  });
  t.match(await relayOf({ below: 'listen:/run/down.sock', afterSeconds: 5, spoolMiB: 1 }), {
    links: [{ is: 'listen', path: '/run/down.sock' }],
    for: [],
    afterSeconds: 5,
    spoolMiB: 1,
  });
});

await t.test('what cannot be meant is named', async (t) => {
  const above = 'connect:/run/up.sock';
  const mistakes: readonly [unknown, RegExp][] = [
    [{ for: ['host2'] }, /"relay": needs a link, above or below/],
    [{ above, below: above }, /links above and below are one and the same/],
    [{ above: 'tcp:host2' }, /"relay.above": "tcp:host2" is no link; write connect:PATH/],
    [{ below: 'serial:/dev/ttyS1@1' }, /"relay.below": the baud rate is a number from 1200/],
    [{ above: `listen:${'x'.repeat(100)}` }, /"relay.above": .* is longer than the 107 bytes/],
    [{ above, for: ['host1'] }, /"relay.for": a device does not stand for itself/],
    [{ above, for: ['host2', 'host2'] }, /"relay.for": names a device twice/],
    [{ above, for: Array.from({ length: 9 }, (_, n) => `host${n + 2}`) }, /"relay.for"/],
    [{ above, spoolMib: 2 }, /unknown key "relay.spoolMib"; did you mean "spoolMiB"\?/],
    [{ above, spoolMiB: 17 }, /"relay.spoolMiB"/],
  ];
  for (const [relay, message] of mistakes) {
    await t.rejects(relayOf(relay), { code: 'NS_CONFIG_INVALID', message });
  }
});
