import { toHex } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { destructionOf, isSystemPath, privilegesOf } from '../security/index.ts';

/** What an order does, in words for whoever signs it: what it destroys first. */
export function wordsOf(order: Pick<Order, 'verb' | 'args'>): string {
  switch (order.verb) {
    case 'machine.disable':
      return 'DISABLE: it cannot be switched on and its disks are held, until two people enable it';
    case 'machine.enable':
      return 'ENABLE: a disabled machine is given back';
    case 'file.delete': {
      const { volume, path, recursive } = order.args as { volume?: string; path: string; recursive?: true };
      const tree = recursive === true ? ' AND ALL IN IT' : '';
      return `DELETE ${placeText(volume, path)}${tree}${vital(order, path)}`;
    }
    case 'file.download': {
      const { volume, path, replace, tree } = order.args as {
        volume?: string;
        path: string;
        replace?: true;
        tree?: true;
      };
      const what = tree === true ? 'A TREE INTO ' : '';
      return `${replace === true ? 'REPLACE' : 'PUT'} ${what}${placeText(volume, path)}${vital(order, path)}${rights(order)}`;
    }
    case 'media.offer': {
      const { sha256 } = order.args as { sha256: Uint8Array };
      return `OFFER AN IMAGE that the host starts from, with all its disks in reach: sha256 ${toHex(sha256)}`;
    }
    case 'budget.update':
      return 'BUDGET: how many destructive orders an epoch has room for; up after a day, down at once';
    default:
      return order.verb;
  }
}

function rights(order: Pick<Order, 'args'>): string {
  const given = privilegesOf(order);
  return given.length === 0 ? '' : `, AND GIVE IT ${given.join(', ')}`;
}

function placeText(volume: string | undefined, path: string): string {
  return volume === undefined ? path : `${volume}:${path}`;
}

const isTree = ({ args }: Pick<Order, 'args'>): boolean => 'tree' in args && args.tree === true;

function vital(order: Pick<Order, 'verb' | 'args'>, path: string): string {
  if (
    destructionOf(order) === undefined ||
    !isSystemPath(path, order.verb === 'file.delete' || isTree(order))
  )
    return '';
  return ': a host needs that to start';
}
