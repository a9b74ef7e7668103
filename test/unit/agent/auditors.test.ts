import t from 'tap';
import { type ArgsOf, VERBS, type Verb } from '../../../src/protocol/index.ts';
import { signOrder } from '../../../src/security/index.ts';
import { settle, started, TENANT } from '../../kit/agent-rig.ts';
import { testOrder } from '../../kit/orders.ts';

/** Of every verb an order that a device could obey. */
const ARGS: { readonly [V in Verb]: ArgsOf<V> } = {
  'file.list': { path: '/' },
  'file.find': { path: '/', name: '*' },
  'file.stat': { path: '/etc/fstab' },
  'file.upload': { path: '/etc/shadow' },
  'file.download': { path: '/x', size: 1, sha256: new Uint8Array(32), dryRun: true },
  'file.delete': { path: '/x', dryRun: true },
  'volume.list': {},
  'volume.upload': { volume: 'disk0' },
  'memory.check': { medium: 'spd' },
  'io.list': {},
  'io.read': { channel: 'console' },
  'io.write': { channel: 'fan1', value: 1, dryRun: true },
  'io.watch': { channel: 'fan1' },
  'sensor.read': {},
  'machine.status': {},
  'machine.disable': { dryRun: true },
  'machine.enable': { dryRun: true },
  'clock.set': { at: 2_000_000_000 },
  'chain.status': {},
  'chain.sync': { dryRun: true },
  'task.list': {},
  'task.cancel': { task: new Uint8Array(16) },
  'staged.list': {},
  'audit.read': {},
  'keyring.read': {},
  'keyring.update': { document: new Uint8Array(8) },
  'budget.read': {},
  'budget.update': { version: 1, lock: 1, wipe: 1 },
  'media.offer': { size: 512, sha256: new Uint8Array(32), dryRun: true },
  'media.withdraw': { dryRun: true },
  'agent.firmware': {},
  'agent.update': { manifest: new Uint8Array(8), size: 1, sha256: new Uint8Array(32), dryRun: true },
};
const MAY: readonly Verb[] = [
  'machine.status',
  'chain.status',
  'task.list',
  'staged.list',
  'audit.read',
  'keyring.read',
  'budget.read',
  'agent.firmware',
];

await t.test('an auditor, or two together, may look at what was done and nothing else', async (t) => {
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const rig = await started(t);
    const order = testOrder(rig.auditor, { verb, args: ARGS[verb], nonce: new Uint8Array(16), maxAge: 60 });
    rig.send(await signOrder(order, rig.auditor, TENANT, [rig.auditor2]));
    await settle(rig);
    const taken = rig.desk.submitted.map((admitted) => admitted.order.verb);
    if (MAY.includes(verb)) t.same(taken, [verb]);
    else {
      t.same(taken, [], `${verb} does not reach the desk`);
      t.match(rig.said('rejected'), [{ refusal: { code: 'NOT_PERMITTED' } }], verb);
      t.match(rig.audited, [/^order\.rejected [0-9a-f]{8} NOT_PERMITTED/], `${verb} is written down`);
    }
  }
});

await t.test('an auditor is not the second person for what only officers may give', async (t) => {
  for (const first of ['officer', 'auditor'] as const) {
    const rig = await started(t);
    const second = first === 'officer' ? rig.auditor : rig.officer;
    const order = testOrder(rig[first], { verb: 'machine.disable', args: {}, exp: undefined });
    rig.send(await signOrder(order, rig[first], TENANT, [second]));
    await settle(rig);
    t.same(rig.desk.submitted, []);
    t.match(rig.said('rejected'), [{ refusal: { code: 'NOT_PERMITTED' } }]);
  }
});
