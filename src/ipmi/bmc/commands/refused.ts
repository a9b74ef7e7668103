import type { Refusal } from '../../../base/index.ts';
import { Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';

/** A refusal as a completion code: a disabled machine is told apart from a state that passes. */
export function refused({ code }: Refusal): Completion {
  switch (code) {
    case 'DISABLED':
      return new Completion(COMPLETION.disabled);
    case 'NOT_PERMITTED':
      return new Completion(COMPLETION.privilege);
    case 'NOT_SUPPORTED':
      return new Completion(COMPLETION.invalidField);
    case 'DISK_BUSY':
    case 'QUEUE_FULL':
      return new Completion(COMPLETION.busy);
    default:
      return new Completion(COMPLETION.wrongState);
  }
}
