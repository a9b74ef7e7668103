import { type Duration, milliseconds } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import { frameEvent, STILL_THERE } from './event-stream.ts';
import type { FleetDoor } from './fleet-door.ts';
import { newRow, rowAfter } from './host-row.ts';
import type { Hello, HostRow } from './wire.ts';

/** Rows that change are told together, this often at most. */
const TELL_EVERY = milliseconds(250);
const ROWS_A_FRAME = 500;
const SIGN_OF_LIFE = milliseconds(20_000);

/** False: it reads too slowly, and is dropped. */
type Send = (text: string) => boolean;

/**
 * What the devices last said, for the pages that are open now. Asks again only while one is: a page that nobody looks at
 * has no orders signed.
 */
export class FleetWatch {
  readonly #door: FleetDoor;
  readonly #clock: Clock;
  readonly #hello: Hello;
  readonly #refresh: Duration | undefined;
  readonly #signal: AbortSignal;
  readonly #rows: Map<string, HostRow>;
  readonly #changed = new Set<string>();
  readonly #pages = new Set<Send>();
  readonly #waiting = new Set<string>();
  /** Not asked after all, as nobody looked any more. */
  readonly #dropped = new Set<string>();
  #working = false;
  #stops: readonly Stop[] = [];
  #lastRound: Duration | undefined;

  constructor(
    door: FleetDoor,
    clock: Clock,
    options: {
      readonly refresh: Duration | undefined;
      readonly version: string;
      readonly signal: AbortSignal;
    },
  ) {
    this.#door = door;
    this.#clock = clock;
    this.#refresh = options.refresh;
    this.#signal = options.signal;
    this.#hello = {
      refreshSeconds: Math.round((options.refresh ?? 0) / 1000),
      tenant: door.tenant,
      version: options.version,
    };
    this.#rows = new Map(door.hosts.map(({ name, groups }) => [name, newRow(name, groups)]));
  }

  has(host: string): boolean {
    return this.#rows.has(host);
  }

  /** Sends all rows, and from then on those that change, until `gone`. */
  open(send: Send, gone: AbortSignal): void {
    if (gone.aborted) return;
    const rows = [...this.#rows.values()];
    send(frameEvent('hello', this.#hello));
    this.#tell(send, rows);
    send(frameEvent('whole', { hosts: rows.length }));
    this.#pages.add(send);
    if (this.#pages.size === 1) this.#start();
    gone.addEventListener('abort', () => this.#leave(send), { once: true });
  }

  /** Asks these hosts for their status; one that is waiting to be asked is not asked twice. */
  ask(hosts: Iterable<string>): void {
    for (const host of hosts) {
      const row = this.#rows.get(host);
      if (row === undefined || row.asking) continue;
      this.#waiting.add(host);
      this.#set({ ...row, asking: true });
    }
    void this.#work();
  }

  askAll(): void {
    this.#lastRound = this.#clock.monotonic();
    this.ask(this.#rows.keys());
  }

  /** Takes what a status order from elsewhere has found. */
  take(host: string, answer: Parameters<typeof rowAfter>[1]): void {
    const row = this.#rows.get(host);
    if (row === undefined) return;
    this.#set({ ...rowAfter(row, answer, this.#clock.wallSeconds()), asking: row.asking });
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#waiting.size > 0 && !this.#signal.aborted) {
        const round = [...this.#waiting];
        this.#waiting.clear();
        await this.#door.eachHost(round, (host) => this.#askOne(host));
      }
    } finally {
      this.#working = false;
    }
  }

  async #askOne(host: string): Promise<void> {
    const before = this.#rows.get(host);
    if (before === undefined || this.#signal.aborted) return;
    // Whoever asked has gone: what has not been signed yet is not signed.
    if (this.#pages.size === 0) {
      this.#dropped.add(host);
      this.#set({ ...before, asking: false });
      return;
    }
    try {
      const answer = await this.#door.look(host, 'machine.status', {}, this.#signal);
      this.#set(rowAfter(this.#rows.get(host) ?? before, answer, this.#clock.wallSeconds()));
    } catch {
      // Only because all of it ends.
      this.#set({ ...before, asking: false });
    }
  }

  #set(row: HostRow): void {
    this.#rows.set(row.name, row);
    this.#changed.add(row.name);
  }

  #start(): void {
    this.#stops = [
      this.#clock.every(TELL_EVERY, () => this.#tellChanged()),
      this.#clock.every(SIGN_OF_LIFE, () => {
        for (const send of [...this.#pages]) this.#give(send, STILL_THERE);
      }),
      ...(this.#refresh === undefined ? [] : [this.#clock.every(this.#refresh, () => this.askAll())]),
    ];
    const last = this.#lastRound;
    const due =
      last === undefined || this.#clock.monotonic() - last >= (this.#refresh ?? Number.POSITIVE_INFINITY);
    const dropped = [...this.#dropped];
    this.#dropped.clear();
    if (due) this.askAll();
    else this.ask(dropped);
  }

  #leave(send: Send): void {
    if (!this.#pages.delete(send) || this.#pages.size > 0) return;
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#changed.clear();
  }

  #tellChanged(): void {
    if (this.#changed.size === 0) return;
    const rows = [...this.#changed].flatMap((host) => this.#rows.get(host) ?? []);
    this.#changed.clear();
    for (const send of [...this.#pages]) this.#tell(send, rows);
  }

  #tell(send: Send, rows: readonly HostRow[]): void {
    for (let from = 0; from < rows.length; from += ROWS_A_FRAME) {
      if (!this.#give(send, frameEvent('rows', rows.slice(from, from + ROWS_A_FRAME)))) return;
    }
  }

  #give(send: Send, text: string): boolean {
    const took = send(text);
    if (!took) this.#leave(send);
    return took;
  }
}
