import { serialLink } from '../adapters/chain-link/serial-link.ts';
import { connectSocketLink, type LinkParts, listenSocketLink } from '../adapters/chain-link/socket-link.ts';
import type { ChainLink } from '../ports/index.ts';
import type { LinkAddress } from './link-address.ts';

/** Opens a link as the command line names it. One that connects, or is a serial line, is opened again after each loss. */
export async function openLink(address: LinkAddress, parts: LinkParts): Promise<ChainLink> {
  switch (address.is) {
    case 'connect':
      return connectSocketLink({ socketPath: address.path }, parts);
    case 'listen':
      return listenSocketLink({ socketPath: address.path }, parts);
    case 'serial':
      return serialLink({ path: address.device, baudRate: address.baud }, parts);
  }
}
