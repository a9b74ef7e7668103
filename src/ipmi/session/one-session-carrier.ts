import { NsError, Turns } from '../../base/index.ts';
import type { Carrier } from '../command.ts';
import { raiseLevel } from './raise-level.ts';
import type { IpmiSession } from './session.ts';
import { LEVEL, type Level } from './set-up.ts';

const MOST_WAITING = 16;

/** Commands over one session, one at a time. A session that is gone is not opened anew: what it carries beside them is gone. */
export class OneSessionCarrier implements Carrier {
  readonly #session: IpmiSession;
  #level: Level = 'user';
  readonly #turns = new Turns();
  #waiting = 0;

  constructor(session: IpmiSession) {
    this.#session = session;
  }

  async carry(question: Parameters<Carrier['carry']>[0], signal: AbortSignal) {
    if (this.#waiting >= MOST_WAITING)
      throw new NsError('NS_IPMI_BUSY', 'too many commands wait already', { retryable: true });
    this.#waiting += 1;
    try {
      return await this.#turns.take(async () => {
        if (LEVEL[this.#level] < LEVEL[question.level]) {
          await raiseLevel(this.#session, question.level, signal);
          this.#level = question.level;
        }
        return await this.#session.ask(question, signal);
      });
    } finally {
      this.#waiting -= 1;
    }
  }
}
