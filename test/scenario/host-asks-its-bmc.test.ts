import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openSerialLine } from '../../src/adapters/serial-line.ts';
import { concatBytes, MiB } from '../../src/base/index.ts';
import { ptyPair } from '../kit/chain-links.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';

/* The host's own system asks this device as its BMC, by KCS and by BT, and is trusted with nothing that needs trust. */

/** A pseudo terminal as the kernel's device, and the host's driver at its other end. */
async function wire() {
  const pty = await ptyPair();
  const { paths } = pty;
  const line = await openSerialLine(paths[1]!, { baudRate: 115_200 });
  let heard: Uint8Array = new Uint8Array(0);
  line.onData((bytes) => {
    heard = concatBytes(heard, bytes);
  });
  // Opened first by a line, which makes it raw.
  await (await openSerialLine(paths[0]!, { baudRate: 115_200 })).close();
  t.teardown(async () => {
    await line.close();
    await pty.unplug();
  });
  return {
    path: paths[0]!,
    say: (bytes: Uint8Array) => line.write(bytes),
    /** Until the line holds this many bytes: the terminal knows no messages. */
    async hear(size: number) {
      await eventually(() => heard.byteLength >= size);
      const answer = heard.slice(0, size);
      heard = heard.slice(size);
      return [...answer];
    },
    heard: () => heard.byteLength,
  };
}

const kcs = await wire();
const bt = await wire();
const host = await ColdHost.start({
  size: 8 * MiB,
  fill: async () => {},
  board: { hostInterface: { kcs: kcs.path, bt: bt.path } },
});
t.teardown(() => host.close());

/** By KCS: netFn and LUN, command, data; the answer's first three bytes are netFn and LUN, command, completion code. */
async function ask(bytes: readonly number[], size: number): Promise<number[]> {
  kcs.say(Uint8Array.from(bytes));
  return kcs.hear(size);
}

const completion = async (netFn: number, command: number, ...data: number[]) =>
  (await ask([netFn << 2, command, ...data], 3))[2];

const NOT_FOR_THE_HOST: readonly (readonly [string, number, number, ...number[]])[] = [
  ['Set Power Restore Policy', 0x00, 0x06, 2],
  ['Cold Reset', 0x06, 0x02],
  ['Set User Name', 0x06, 0x45, 2, ...Array<number>(16).fill(0x41)],
  ['Set User Password', 0x06, 0x47, 2, 2, ...Array<number>(16).fill(0x41)],
  ['Set User Access', 0x06, 0x43, 0x8e, 2, 4, 0],
  ['Activate Payload', 0x06, 0x48, 1, 1, 0, 0, 0, 0],
  ['Write FRU Data', 0x0a, 0x12, 0, 0, 0, 1],
  ['Clear SEL', 0x0a, 0x47, 0, 0, 0x43, 0x4c, 0x52, 0xaa],
  ['Delete SEL Entry', 0x0a, 0x46, 0, 0, 0, 0],
  ['Set SEL Time', 0x0a, 0x49, 0, 0, 0, 0],
  ['Set LAN Configuration Parameters', 0x0c, 0x01, 1, 3, 10, 0, 0, 1],
];

await t.test('by KCS and by BT the host learns who its BMC is, and how its machine stands', async (t) => {
  t.same(await ask([0x06 << 2, 0x01], 3 + 15).then((answer) => answer.slice(0, 4)), [0x1c, 0x01, 0, 0x20]);
  host.machine.host.set('S0');
  // Boards of older hosts look at the lowest bit: on.
  const status = async () => (await ask([0x00, 0x01], 7))[3]! & 1;
  t.equal(await status(), 1);
  bt.say(Uint8Array.of(3, 0x06 << 2, 0x5a, 0x01));
  t.same((await bt.hear(5 + 15)).slice(0, 6), [19, 0x1c, 0x5a, 0x01, 0, 0x20]);
});

await t.test('what a user needs a password for, the host is not even told of', async (t) => {
  for (const [name, netFn, command, ...data] of NOT_FOR_THE_HOST)
    t.equal(await completion(netFn, command, ...data), 0xc1, name);
});

await t.test('a host that is disabled undoes nothing of it', async (t) => {
  host.machine.host.set('S5');
  const disabled = await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
  t.equal(disabled.outcome, 'succeeded');
  for (const [name, action] of [
    ['up', 1],
    ['cycle', 2],
    ['reset', 3],
  ] as const)
    t.equal(await completion(0x00, 0x02, action), 0xd6, name);
  // The host says that it is on: a claim, which changes nothing of what the machine's own sources say.
  t.equal(await completion(0x06, 0x06, 0x80, 0x80), 0);
  t.equal((await ask([0x00, 0x01], 7))[3]! & 1, 0);
  // And its watchdog cannot start it either: cycle after 100 ms.
  t.equal(await completion(0x06, 0x24, 0x04, 0x03, 0, 0, 1, 0), 0);
  t.equal(await completion(0x06, 0x22), 0);
  await eventually(async () => (await ask([0x06 << 2, 0x25], 3 + 8))[6]! !== 0);
  const status = await host.give('machine.status', {});
  t.match(status, { result: { power: { state: 'S5' }, lock: { state: 'disabled' } } });
});

await t.test('no bytes of the host end the conversation', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      kcs.say(bytes);
      await eventually(() => kcs.heard() >= 3);
      await kcs.hear(kcs.heard());
    }),
    { numRuns: 20 },
  );
  kcs.say(Uint8Array.of(0x06 << 2, 0x01));
  await eventually(() => kcs.heard() >= 18);
  t.same((await kcs.hear(kcs.heard())).slice(-18, -14), [0x1c, 0x01, 0, 0x20]);
});

await t.test('the host cannot name itself in the audit log as anybody else', async (t) => {
  const log = await readFile(join(host.dir, 'state', 'audit'));
  t.ok(log.includes('the host itself'));
  t.notOk(log.includes('IPMI user'));
});

await t.test('a configuration with other devices, or none, stands above the board', async (t) => {
  await host.stop();
  await host.boot({ hostInterface: { kcs: [], bt: [bt.path] } });
  bt.say(Uint8Array.of(3, 0x06 << 2, 0x5b, 0x01));
  t.same((await bt.hear(5 + 15)).slice(0, 6), [19, 0x1c, 0x5b, 0x01, 0, 0x20]);
  kcs.say(Uint8Array.of(0x06 << 2, 0x01));
  bt.say(Uint8Array.of(3, 0x06 << 2, 0x5c, 0x01));
  await bt.hear(5 + 15);
  t.equal(kcs.heard(), 0, 'nobody listens there');
});
