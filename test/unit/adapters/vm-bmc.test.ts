import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { VmBmc } from '../../../src/adapters/vm-bmc.ts';
import { toHex } from '../../../src/base/index.ts';
import { type BmcAnswer, type BmcRequest, type Caller, encodeVmFrame } from '../../../src/ipmi/index.ts';
import { scratch } from '../../kit/disk-tools.ts';
import { eventually } from '../../kit/eventually.ts';

const GREETING = Uint8Array.of(0xff, 0x01, 0xa1, 0x08, 0x3f, 0xa1);

async function bench(t: Test, answer?: (request: BmcRequest, caller: Caller) => Promise<BmcAnswer>) {
  const { dir, remove } = await scratch();
  const path = join(dir, 'bmc.sock');
  const bmc = await VmBmc.listen({ path, log: { log: () => {} } });
  if (answer !== undefined) bmc.serve({ answer });
  const peers: Socket[] = [];
  t.teardown(async () => {
    for (const peer of peers) peer.destroy();
    await bmc.close();
    await remove();
  });
  const emulator = () => {
    const socket = connect(path);
    socket.on('error', () => {});
    peers.push(socket);
    const heard = { text: '', closed: false };
    socket.on('data', (bytes) => {
      heard.text += toHex(bytes);
    });
    socket.on('close', () => {
      heard.closed = true;
    });
    return { socket, heard };
  };
  return { path, bmc, emulator };
}

const ok = (data: Uint8Array): BmcAnswer => ({ completion: 0, data });
const getDeviceId = Uint8Array.of(0x00, 0x18, 0x01, 0xe7, 0xa0);

await t.test('the guest is answered as the host, under its own number', async (t) => {
  const asked: [BmcRequest, Caller][] = [];
  const { path, emulator } = await bench(t, async (request, caller) => {
    asked.push([request, caller]);
    return ok(Uint8Array.of(0xaa));
  });
  t.equal((await stat(path)).mode & 0o777, 0o600);
  const { socket, heard } = emulator();
  socket.write(GREETING);
  socket.write(Uint8Array.of(0x07, 0x18, 0x01, 0xe0, 0xa0));
  await eventually(() => heard.text.length > 8);
  t.equal(heard.text, 'ff01a1071c0100aaba32a0');
  t.match(asked, [[{ netFn: 6, command: 1, lun: 0 }, { is: 'host' }]]);
});

await t.test('orders go out one frame each, and only to an emulator that can', async (t) => {
  const { bmc, emulator } = await bench(t);
  await t.rejects(bmc.order('powerOff'), { code: 'NS_POWER' });
  let changes = 0;
  bmc.onChange(() => {
    changes += 1;
  });
  const { socket, heard } = emulator();
  socket.write(Uint8Array.of(0xff, 0x01, 0xa1, 0x08, 0x01, 0xa1));
  await eventually(() => bmc.can('powerOff'));
  t.same(bmc.peer?.version, 1);
  await t.rejects(bmc.order('softOff'), { code: 'NS_POWER' });
  await bmc.order('powerOff');
  socket.write(GREETING);
  await eventually(() => bmc.can('nmi'));
  await Promise.all([bmc.order('reset'), bmc.order('nmi'), bmc.order('softOff')]);
  await eventually(() => heard.text.endsWith('09a1'));
  t.equal(heard.text, 'ff01a103a104a107a109a1');
  socket.destroy();
  await eventually(() => bmc.peer === undefined);
  t.ok(changes >= 3);
});

await t.test('a second connection is refused, and after the first is gone there is room again', async (t) => {
  const { bmc, emulator } = await bench(t);
  const first = emulator();
  first.socket.write(GREETING);
  await eventually(() => bmc.can('reset'));
  const second = emulator();
  await eventually(() => second.heard.closed);
  t.ok(bmc.can('reset'));
  first.socket.destroy();
  await eventually(() => bmc.peer === undefined);
  const third = emulator();
  third.socket.write(GREETING);
  await eventually(() => bmc.can('reset'));
});

await t.test('noise and damaged messages are passed over', async (t) => {
  const { emulator } = await bench(t, async () => ok(new Uint8Array(0)));
  const { socket, heard } = emulator();
  socket.write(Uint8Array.of(0x00, 0x18, 0x01, 0x00, 0xa0, 0xaa, 0xa0, 0x77, 0x77, 0xa1));
  socket.write(new Uint8Array(5000));
  socket.write(Uint8Array.of(0xa1));
  socket.write(getDeviceId);
  await eventually(() => heard.text.endsWith('a0'));
  t.equal(heard.text, 'ff01a1001c0100e3a0');
});

await t.test('more requests at once than the interface can have are answered "busy"', async (t) => {
  const waiting: (() => void)[] = [];
  const { emulator } = await bench(t, async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return ok(new Uint8Array(0));
  });
  const { socket, heard } = emulator();
  for (let i = 0; i < 20; i += 1) socket.write(getDeviceId);
  await eventually(() => heard.text.split('001c01c0').length === 13);
  t.equal(waiting.length, 8);
  for (const go of waiting) go();
  await eventually(() => heard.text.split('001c0100').length === 9);
});

await t.test('a guest that asks before there are commands is told that they are unknown', async (t) => {
  const { emulator } = await bench(t);
  const { socket, heard } = emulator();
  socket.write(getDeviceId);
  await eventually(() => heard.text.endsWith('a0'));
  t.equal(heard.text, `ff01a1${toHex(encodeVmFrame('message', Uint8Array.of(0, 0x1c, 1, 0xc1, 0x22)))}`);
});
