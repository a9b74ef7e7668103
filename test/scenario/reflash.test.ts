import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { concatBytes, crc32c, MiB, utf8 } from '../../src/base/index.ts';
import { LOCK_DOCUMENTS } from '../../src/bmc/index.ts';
import { Fleet } from '../../src/fleet/index.ts';
import { VERSION } from '../../src/programs/version.ts';
import type { ArgsOf, Verb } from '../../src/protocol/index.ts';
import { publicKeyFromText, publicKeyText } from '../../src/security/index.ts';
import { type AgentLife, askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { makeExt4, scratch } from '../kit/disk-tools.ts';
import { endOf } from '../kit/ended.ts';
import { TestGovernor } from '../kit/governor.ts';
import { testKey } from '../kit/keys.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

/* The slot of the application is written anew, by its owner or by somebody else: what the device was told is not in it. */

const TENANT = 'acme';
const NEXT = '9.9.9';
const { dir, remove } = await scratch();
t.teardown(remove);
const program = await buildAgent(dir);
const broker = await startMosquitto();
t.teardown(() => broker.close());
const [sam, tess] = [testKey(), testKey()];
const governor = new TestGovernor(TENANT);
const image = join(dir, 'disk0.img');
await mkdir(join(dir, 'tree'));
await makeExt4({ path: image, size: 8 * MiB, content: join(dir, 'tree') });
await writeFile(
  join(dir, 'agent.yaml'),
  JSON.stringify({
    device: 'host1',
    tenant: TENANT,
    broker: broker.url,
    state: 'state',
    keyring: [
      { name: 'sam', role: 'security', key: publicKeyText(sam.publicKey) },
      { name: 'tess', role: 'security', key: publicKeyText(tess.publicKey) },
      { name: 'gov', role: 'governor', key: publicKeyText(governor.key.publicKey) },
    ],
    sim: { state: 'S5', switchDelayMs: 5, disks: [{ name: 'disk0', image }] },
  }),
);
const released = await readFile(program, 'utf8');
const identity = await askAgent(program, ['--config', join(dir, 'agent.yaml'), '--identity']);
const deviceKey = publicKeyFromText(identity.trim().split(': ')[1] ?? '');

const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'officers', cleanSession: true },
  systemClock,
  systemEntropy,
  silentLog,
);
let counter = 0;
const fleet = new Fleet({
  bus,
  tenant: TENANT,
  key: sam,
  cosigners: [tess],
  tokens: (order) => governor.tokenFor(order),
  counter: { next: async () => ++counter },
  devices: new Map([['host1', deviceKey]]),
  clock: systemClock,
  entropy: systemEntropy,
});
await fleet.connect();
t.teardown(() => fleet.close());

let life: AgentLife | undefined;
t.teardown(() => life?.process.kill('SIGKILL'));
const start = (): void => {
  life = startAgent(program, dir);
};
async function kill(): Promise<void> {
  life?.process.kill('SIGKILL');
  await life?.ended;
}

async function give<V extends Verb>(verb: V, args: ArgsOf<V>) {
  const { outcome } = await fleet.order('host1', verb, args, { signal: new AbortController().signal });
  return endOf(await outcome);
}

/** The slot holds this program from now on, and nothing of the one before. */
async function flash(text: string): Promise<void> {
  await kill();
  await rm(program);
  await writeFile(program, text);
  start();
}

await t.test('another version in the slot: disabled as before, and as reversible', async (t) => {
  start();
  t.match(await give('machine.disable', { reason: 'stolen' }), { outcome: 'succeeded' });
  const next = released.replaceAll(`"${VERSION}"`, `"${NEXT}"`);
  t.not(next, released);
  await flash(next);
  const { result } = await give('machine.status', {});
  t.match(result, { version: NEXT, lock: { state: 'disabled', reason: 'stolen', version: 1 } });
  t.same(
    result?.lock.levels?.map(({ inForce }) => inForce),
    ['yes', 'yes', 'yes'],
  );
  t.match(await give('machine.enable', {}), { outcome: 'succeeded' });
  await flash(released);
  t.match(await give('machine.status', {}), { result: { version: VERSION, lock: { state: 'enabled' } } });
});

await t.test('a record that this version does not understand keeps the machine disabled', async (t) => {
  await kill();
  const body = utf8(JSON.stringify({ state: 'enabled', version: 7, until: 'a later version knows' }));
  const head = new Uint8Array(12);
  head.set(utf8('NSLK'));
  const view = new DataView(head.buffer);
  view.setUint32(4, body.byteLength, true);
  view.setUint32(8, crc32c(body), true);
  const store = await openFileStateStore(join(dir, 'state'));
  for (const name of LOCK_DOCUMENTS) await store.writeDocument(name, concatBytes(head, body));
  start();
  t.match(await give('machine.status', {}), { result: { lock: { state: 'disabled', reason: /damaged/ } } });
  t.match(await give('machine.enable', {}), { outcome: 'succeeded', result: { changed: true } });
  await kill();
});
