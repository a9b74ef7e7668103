import t from 'tap';
import { millis, OrderedChannel } from '../../../../src/sata-chain/index.ts';
import {
  type Envelope,
  encodeRelayMessage,
  LARGEST_RELAY_MESSAGE,
} from '../../../../src/sata-chain/relay/envelope.ts';
import { RelayNet } from '../../../kit/relay-net.ts';

await t.test('a neighbour cannot fill the log with what it offers', async (t) => {
  const lines: unknown[] = [];
  const log = { log: (...line: unknown[]) => void lines.push(line) };
  const net = new RelayNet({ units: 2, cables: [[0, 1]], node: { log } });
  await net.powerOn(0);
  const link = net.units[1]!.links[0]!;
  const rude = new OrderedChannel(link, net.wheel, {
    channel: 'relay',
    largestMessage: LARGEST_RELAY_MESSAGE,
    queueBytes: LARGEST_RELAY_MESSAGE,
    patience: millis(20_000),
    newIncarnation: () => 77,
  });
  let answers = 0;
  rude.onMessage(() => {
    answers += 1;
  });
  const offer = (i: number): Envelope => ({
    kind: 'order',
    from: 'x',
    to: 'third',
    created: i,
    nonce: new Uint8Array(8),
    packet: new Uint8Array(10),
    hops: 3,
    ttl: 0,
  });
  let offered = 0;
  for (let turn = 0; turn < 300; turn += 1) {
    await net.pass(10);
    const message = encodeRelayMessage({ is: 'offer', envelope: offer(offered) });
    if (rude.send(message)) offered += 1;
  }
  t.ok(answers > 100, `${offered} offered, ${answers} refused`);
  t.ok(lines.length >= 1 && lines.length <= 5, `${lines.length} lines in three seconds`);
  rude.close();
});
