import type { ChainLink } from '../../ports/index.ts';
import type { ByteLink } from './byte-link.ts';

/** The link, whose close also waits for what stands behind it. */
export function closingAfter(link: ByteLink, behind: () => Promise<void>): ChainLink {
  let closed: Promise<void> | undefined;
  return {
    name: link.name,
    capabilities: link.capabilities,
    send: (frame) => link.send(frame),
    room: (signal) => link.room(signal),
    onFrame: (listener) => link.onFrame(listener),
    onConnection: (listener) => link.onConnection(listener),
    close: () => {
      closed ??= link.close().then(behind);
      return closed;
    },
  };
}
