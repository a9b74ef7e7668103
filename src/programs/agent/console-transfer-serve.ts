import { equalBytes, hours, NsError } from '../../base/index.ts';
import { type BlockMessage, CHUNK_BYTES } from '../../protocol/index.ts';
import { openEvent } from '../../security/index.ts';
import { sendFile } from '../../transfer/index.ts';
import type { TransferParts } from './console-transfer-carry.ts';
import type { FilePart, PartFile } from './console-transfer-parts.ts';

/** What goes on after a command has ended, where whoever gave it has left. */
export interface Errands {
  /** Aborts where the agent stops. */
  readonly signal: AbortSignal;
  readonly add: (errand: Promise<void>) => void;
}

/** A file that is wholly here. */
export interface WholePart {
  readonly part: FilePart;
  readonly file: PartFile;
  readonly sha256: Uint8Array;
}

/** A part on its way to the task that puts it on the disk. */
export interface PartServer {
  /** What the task says. */
  readonly take: (message: BlockMessage) => void;
  /** Resolves when the order has ended: the part is gone where it is on the disk, and kept where it is not. */
  readonly ended: Promise<void>;
  /** For an order that was not taken. */
  readonly stop: () => void;
}

/** Each kind of task ends by itself before that. */
const LONGEST = hours(25);

/** Serves a part to the task with this id until its receipt is there, or the agent stops. */
export function servePart(
  { desk, clock, deviceKey, identity }: TransferParts,
  id: Uint8Array,
  { part, file }: WholePart,
  give: (message: BlockMessage) => void,
  errands: Errands,
): PartServer {
  const over = new AbortController();
  const finish = (): void => over.abort(new NsError('NS_ORDER_ENDED', 'the order has ended'));
  errands.signal.addEventListener('abort', finish, { once: true });
  let landed = false;
  const stopEvents = desk.onEvent((event) => {
    if (event.kind !== 'receipt' || !equalBytes(event.id, id)) return;
    const opened = openEvent(event.packet, deviceKey, { tenant: identity.tenant });
    landed = opened.ok && opened.value.event === 'receipt' && opened.value.outcome === 'succeeded';
    finish();
  });
  let take: (message: BlockMessage) => void = () => undefined;
  const sending = sendFile({
    id,
    size: file.size,
    chunk: CHUNK_BYTES,
    read: (offset, into) => part.read(offset, into),
    port: {
      send: async (message) => give(message),
      onMessage: (_, hear) => {
        take = hear;
        return () => undefined;
      },
    },
    clock,
    signal: over.signal,
    noProgress: LONGEST,
  });
  const ended = async (): Promise<void> => {
    await sending.catch(() => undefined);
    // What was staged is on its way to the disk.
    if (!over.signal.aborted)
      await new Promise((resolve) => over.signal.addEventListener('abort', resolve, { once: true }));
    stopEvents();
    errands.signal.removeEventListener('abort', finish);
    await (landed ? part.drop() : part.close()).catch(() => undefined);
  };
  const server = { take: (message: BlockMessage) => take(message), ended: ended(), stop: finish };
  errands.add(server.ended);
  return server;
}
