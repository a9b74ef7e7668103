import t from 'tap';
import { signEvent, signOrder } from '../../../src/security/index.ts';
import { settle, started, TENANT } from '../../kit/agent-rig.ts';

await t.test('an order reaches the desk as it was signed, and is answered with accepted', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf();
  const packet = await signOrder(order, rig.operator, TENANT);
  rig.send(packet);
  await settle(rig);
  t.equal(rig.desk.submitted.length, 1);
  t.same(rig.desk.submitted[0]?.order.id, order.id);
  t.same(rig.desk.submitted[0]?.packet, packet);
  t.match(rig.desk.submitted[0]?.issuer, { name: 'olga', role: 'operator' });
  t.match(rig.said('accepted'), [{ device: 'host1', boot: rig.identity.boot, id: order.id }]);
});

await t.test('a task that ended with its submission is answered by its receipt alone', async (t) => {
  const rig = await started(t);
  rig.desk.answer = async () => ({ is: 'accepted', ended: true });
  rig.send(await rig.order());
  await settle(rig);
  t.same(rig.said('accepted'), []);
});

await t.test('the packet is acknowledged only when the desk has it', async (t) => {
  const rig = await started(t);
  let journal: () => void = () => {};
  rig.desk.answer = () =>
    new Promise((resolve) => {
      journal = () => resolve({ is: 'accepted', ended: false });
    });
  rig.send(await rig.order());
  await settle(rig);
  t.same(rig.said('accepted'), []);
  rig.bus.disconnect();
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2, 'not in the journal, so it came again');
  journal();
  await settle(rig);
  rig.bus.disconnect();
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2, 'in the journal, so it did not');
});

await t.test('a journal that fails leaves the order with the broker', async (t) => {
  const rig = await started(t);
  rig.desk.answer = () => Promise.reject(new Error('fsync failed'));
  rig.send(await rig.order());
  await settle(rig);
  rig.desk.answer = undefined;
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2);
  t.equal(rig.said('accepted').length, 1);
});

await t.test('a known order gets its receipt again, or accepted where it still runs', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf();
  const packet = await signOrder(order, rig.operator, TENANT);
  rig.send(packet);
  rig.send(packet);
  await settle(rig);
  t.equal(rig.said('accepted').length, 2);
  const receipt = await signEvent(
    {
      v: 1,
      device: 'host1',
      boot: rig.identity.boot,
      event: 'receipt',
      id: order.id,
      verb: 'machine.status',
      order: new Uint8Array(32),
      issuer: rig.operator.publicKey.keyId,
      outcome: 'succeeded',
      power: [],
      receivedAt: 0,
      tookMs: 0,
      seq: 1,
      prev: new Uint8Array(32),
    },
    rig.deviceKey,
    TENANT,
  );
  rig.desk.emit({ kind: 'receipt', id: order.id, packet: receipt });
  rig.send(packet);
  await settle(rig);
  t.equal(rig.said('receipt').length, 2);
  t.equal(rig.said('accepted').length, 2);
});

await t.test('messages on topics that were never asked for do nothing', async (t) => {
  const rig = await started(t);
  await rig.bus.subscribe(['#']);
  rig.send(await rig.order(), { topic: 'ns/1/acme/d/host2/cmd' });
  rig.send(await rig.order(), { topic: 'ns/1/acme/g/rack2/cmd' });
  await settle(rig);
  t.same(rig.desk.submitted, []);
  t.same(rig.said('rejected'), []);
});
