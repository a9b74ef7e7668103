import { systemClock } from '../../src/adapters/system-clock.ts';
import { minutes } from '../../src/base/index.ts';
import { BootBook, type FirmwareDescription } from '../../src/firmware/index.ts';
import type { FirmwareSlots, KeyStore } from '../../src/ports/index.ts';
import type { BlockMessage, Order } from '../../src/protocol/index.ts';
import { AuditLog, publicKeyFromText } from '../../src/security/index.ts';
import type { OwnFirmware } from '../../src/tasks/firmware/own-firmware.ts';
import { update } from '../../src/tasks/firmware/update.ts';
import type { TaskServices } from '../../src/tasks/services.ts';
import type { TaskContext } from '../../src/tasks/task.ts';
import { type BlockPort, sendFile } from '../../src/transfer/index.ts';
import type { UpdateImage } from './firmware-image.ts';
import { memorySource } from './fleet-bench.ts';
import type { MemoryState } from './memory-state.ts';
import { testOrder } from './orders.ts';

/** Two ends that hear each other, in this process. */
export function portPair(): readonly [BlockPort, BlockPort] {
  const heard: ((message: BlockMessage) => void)[][] = [[], []];
  const end = (mine: number): BlockPort => ({
    send: async (message) => {
      for (const hear of [...(heard[1 - mine] ?? [])]) hear(message);
    },
    onMessage: (_id, handler) => {
      heard[mine]?.push(handler);
      return () => heard[mine]?.splice(heard[mine].indexOf(handler), 1);
    },
  });
  return [end(0), end(1)];
}

/** The firmware of a bench as tasks see it. */
export async function ownFirmware(
  { version, board, layout, keys, release }: FirmwareDescription,
  slots: FirmwareSlots,
): Promise<OwnFirmware> {
  return {
    version,
    rules: { board, layout },
    keys: keys.map(publicKeyFromText),
    release,
    slots,
    book: await BootBook.open(slots.record),
    waitsFor: () => undefined,
    restarting: false,
    restartAfter: () => {},
  };
}

/** Gives an update to a firmware, by the task alone: no desk, and a sender that has all of it. */
export async function giveUpdate(
  firmware: OwnFirmware,
  store: MemoryState,
  image: UpdateImage,
  operator: KeyStore,
  sent: Uint8Array = image.content,
  /** Called before each chunk is read; what it throws ends the sending. */
  onRead: (offset: number) => void = () => {},
  switches: TaskServices['switches'] = [],
) {
  const [device, fleet] = portPair();
  const args = { manifest: image.signed, size: image.content.byteLength, sha256: image.sha256 };
  const order = testOrder(operator, { verb: 'agent.update', args }) as Order<'agent.update'>;
  const stop = new AbortController();
  const sending = sendFile({
    id: order.id,
    size: sent.byteLength,
    chunk: 64 * 1024,
    read: async (offset, into) => {
      onRead(offset);
      await memorySource(sent).read(offset, into);
    },
    port: fleet,
    clock: systemClock,
    signal: stop.signal,
    noProgress: minutes(1),
  }).catch(() => undefined);
  const services = {
    store,
    blocks: device,
    clock: systemClock,
    audit: await AuditLog.open(store, { slots: 16 }),
    power: { read: async () => ({ state: 'S5', sources: {}, certain: true, fusion: 'agreed' }) },
    switches,
    firmware,
  } as unknown as TaskServices;
  const context = {
    services,
    id: order.id,
    signal: stop.signal,
    progress: () => {},
    effect: async (_facts: unknown, act: () => Promise<unknown>) => act(),
  } as unknown as TaskContext;
  try {
    return await update(order, context, firmware);
  } finally {
    stop.abort(new Error('the test is over'));
    await sending;
  }
}
