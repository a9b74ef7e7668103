import { equalBytes, type NsError } from '../../base/index.ts';
import type { Talk } from '../../console/index.ts';
import type { SerialLine } from '../../ports/index.ts';
import type { ArgsOf, BlockMessage, Verb } from '../../protocol/index.ts';
import type { TechnicianSession } from '../../security/index.ts';
import type { ConsoleBlocks, LineBlocks } from './console-blocks.ts';
import { type ConsoleOrdersParts, giveOrder, type OfferNote, type OrderEnd } from './console-orders.ts';
import type { SerialPrinter } from './console-printer.ts';

/** What an order needs whose file goes over the line. */
export interface TransferParts extends ConsoleOrdersParts {
  readonly blocks: ConsoleBlocks;
  readonly line: SerialLine;
  readonly printer: Pick<SerialPrinter, 'empty'>;
  readonly config: { readonly baud: number };
}

/** Who gives the order. */
export interface TransferGiver {
  readonly session: TechnicianSession;
  readonly talk: Talk;
}

interface CarryOptions {
  /** Told its id before the desk has it, and the way to its task. */
  readonly begin?: (id: Uint8Array, blocks: LineBlocks) => void;
  /** What comes from the task. */
  readonly take: (message: BlockMessage) => void;
  readonly offered?: (offer: OfferNote) => void;
  readonly quiet?: true;
}

/**
 * Gives an order as giveOrder does, but its blocks come here and not to the network. That stays so until its receipt is there, also
 * where whoever gave it has left.
 */
export async function carryOrder<V extends Verb>(
  parts: TransferParts,
  { session, talk }: TransferGiver,
  verb: V,
  args: ArgsOf<V>,
  { begin, take, offered, quiet }: CarryOptions,
): Promise<OrderEnd<V>> {
  let end = (): void => undefined;
  const given = await giveOrder(parts, session, talk, verb, args, {
    ...(offered === undefined ? {} : { offered }),
    ...(quiet === undefined ? {} : { quiet }),
    begin: (id) => {
      const blocks = parts.blocks.divert(id, take);
      const stop = parts.desk.onEvent((event) => {
        if (event.kind === 'receipt' && equalBytes(event.id, id)) end();
      });
      end = () => {
        blocks.end();
        stop();
      };
      begin?.(id, blocks);
    },
  });
  if (given.is === 'refused') end();
  return given;
}

/** Longer where the line is slow: what is under way needs its time. */
export function patienceOn(baud: number): number {
  return Math.max(10, Math.ceil((PATIENT_BYTES * BITS) / baud));
}

/** "about 1 h 20 min" is for the caller to write: seconds that so many bytes take. */
export function secondsFor(bytes: number, baud: number): number {
  return Math.ceil((bytes * BITS * OVERHEAD) / baud);
}

const PATIENT_BYTES = 8192;
/** A byte on the line, with its start and stop. */
const BITS = 10;
const OVERHEAD = 1.05;

/** Why a transfer ended, as far as the line tells. */
export const lineEnd = (error: NsError): string => `The transfer has ended: ${error.sentence}.`;
