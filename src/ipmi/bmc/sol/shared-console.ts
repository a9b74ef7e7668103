import type { Clock, LogSink } from '../../../ports/index.ts';
import type { CallerSession } from '../command.ts';
import type { HostConsole } from '../machine.ts';
import { Attachment } from './attachment.ts';

export interface SharedConsoleParts {
  readonly console: HostConsole;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** The host's console: one session at a time has it, and what the host says while nobody has it is dropped. */
export class SharedConsole {
  readonly #parts: SharedConsoleParts;
  #attached: Attachment | undefined;

  constructor(parts: SharedConsoleParts) {
    this.#parts = parts;
  }

  /** Who has it. */
  get session(): CallerSession | undefined {
    return this.#attached?.session;
  }

  /** False where somebody has it already, here or at another door. */
  attach(session: CallerSession, user: string): boolean {
    if (this.#attached !== undefined) return false;
    const { console, clock, log } = this.#parts;
    const facts = { user, peer: session.peer };
    const claim = console.claim?.(`IPMI user ${user} at ${session.peer}`, () =>
      this.#attached?.deactivate(false),
    );
    if (claim?.ok === false) return false;
    log.log('info', 'bmc.console-taken', facts);
    let over = false;
    const attached = new Attachment({
      session,
      console,
      clock,
      onOver: (why) => {
        over = true;
        this.#attached = undefined;
        claim?.release();
        log.log('info', 'bmc.console-left', { ...facts, why });
      },
    });
    // A session that is over already leaves at once.
    if (!over) this.#attached = attached;
    return true;
  }

  /** Takes it from whoever has it. False where nobody has. */
  detach(by: CallerSession): boolean {
    if (this.#attached === undefined) return false;
    const own = this.#attached.session === by;
    if (!own) this.#parts.log.log('info', 'bmc.console-taken-away', { by: by.peer });
    this.#attached.deactivate(own);
    return true;
  }
}
