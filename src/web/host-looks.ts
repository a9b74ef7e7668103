import { asNsError, milliseconds, seconds } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import { clean } from '../show/index.ts';
import { frameEvent } from './event-stream.ts';
import type { FleetDoor } from './fleet-door.ts';
import type { HostTasks, SensorNews } from './host-wire.ts';
import { sensorLines } from './sensor-lines.ts';
import { afterEvent, afterList, hasEnded, inOrder, NO_TASKS, type TaskLines } from './task-lines.ts';

/** News of tasks are told together, this often at most. */
const TELL_EVERY = milliseconds(250);
/** Between two readings of the sensors; each is an order, which the device writes down. */
const READ_EVERY = seconds(10);
/** An hour; then somebody who is still there has to say so. */
const MOST_READINGS = 360;
/** A device that speaks of tasks it has not listed makes the page ask for its list, this often at most. */
const LIST_EVERY = seconds(15);
/** A task that nothing was heard of for so long may have ended while the connection was lost. */
const SILENT_SECONDS = 60;

type Send = (text: string) => boolean;

/** What is looked at of one host, for as long as a page does. */
class HostLook {
  readonly #host: string;
  readonly #door: FleetDoor;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  /** Each page, and whether it wants the sensors. */
  readonly #pages = new Map<Send, boolean>();
  #lines: TaskLines = NO_TASKS;
  #whole = false;
  #says = '';
  /** Why news do not come by themselves. */
  #deaf = '';
  #listing = false;
  #listedAt = Number.NEGATIVE_INFINITY;
  #dirty = false;
  #readings = 0;
  #stopReading: Stop | undefined;
  #reading = false;

  constructor(host: string, door: FleetDoor, clock: Clock) {
    this.#host = host;
    this.#door = door;
    this.#clock = clock;
    const stops: Stop[] = [clock.every(TELL_EVERY, () => this.#turn())];
    this.#over.signal.addEventListener('abort', () => {
      for (const stop of stops) stop();
      this.#stopReading?.();
    });
    void door
      .listen(host, (event) => this.#take(event))
      .then(
        (stop) => (this.#over.signal.aborted ? stop() : stops.push(stop)),
        (error: unknown) => {
          this.#deaf = `nothing is heard of tasks as they go: ${clean(asNsError(error).message)}`;
          this.#dirty = true;
        },
      );
    void this.#list();
  }

  get pages(): number {
    return this.#pages.size;
  }

  join(send: Send, sensors: boolean): void {
    const before = this.#pages.get(send);
    this.#pages.set(send, sensors);
    if (before === undefined) send(frameEvent('tasks', this.#tasks()));
    this.#readings = 0;
    if (sensors && before !== true) void this.#read();
    this.#settle();
  }

  leave(send: Send): void {
    this.#pages.delete(send);
    this.#settle();
    if (this.#pages.size === 0) this.#over.abort(new Error('nobody looks any more'));
  }

  get #wanted(): boolean {
    return [...this.#pages.values()].some((sensors) => sensors);
  }

  /** Reads on while a page wants it, and no longer. */
  #settle(): void {
    if (this.#wanted && this.#stopReading === undefined) {
      this.#stopReading = this.#clock.every(READ_EVERY, () => void this.#read());
    } else if (!this.#wanted) {
      this.#stopReading?.();
      this.#stopReading = undefined;
    }
  }

  #tasks(): HostTasks {
    const says = [this.#says, this.#deaf].filter((why) => why !== '').join('; ');
    return { host: this.#host, whole: this.#whole && this.#deaf === '', says, tasks: inOrder(this.#lines) };
  }

  #take(event: Parameters<typeof afterEvent>[1]): void {
    const lines = afterEvent(this.#lines, event, this.#clock.wallSeconds());
    if (lines === this.#lines) return;
    this.#lines = lines;
    this.#dirty = true;
  }

  #turn(): void {
    if (this.#clock.monotonic() - this.#listedAt >= LIST_EVERY && this.#puzzling()) void this.#list();
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#tell(frameEvent('tasks', this.#tasks()));
  }

  /** Only the list says who gave a task, and what it is; and whether one that is silent has ended unheard. */
  #puzzling(): boolean {
    const now = this.#clock.wallSeconds();
    return [...this.#lines.values()].some(
      (line) =>
        !hasEnded(line) && (line.verb === '' || (line.state !== 'staged' && now - line.at > SILENT_SECONDS)),
    );
  }

  async #list(): Promise<void> {
    if (this.#listing) return;
    this.#listing = true;
    this.#listedAt = this.#clock.monotonic();
    const asked = this.#clock.wallSeconds();
    try {
      const { result, lines } = await this.#door.look(this.#host, 'task.list', {}, this.#over.signal);
      this.#whole = result !== undefined;
      this.#says = result === undefined ? clean(lines[0] ?? '').slice(0, 300) : '';
      if (result !== undefined)
        this.#lines = afterList(this.#lines, result, this.#clock.wallSeconds(), asked);
      this.#dirty = true;
    } catch {
      // Only because nobody looks any more.
    } finally {
      this.#listing = false;
    }
  }

  async #read(): Promise<void> {
    if (this.#reading || !this.#wanted || this.#readings >= MOST_READINGS) return;
    this.#reading = true;
    this.#readings += 1;
    try {
      const { result, lines } = await this.#door.look(this.#host, 'sensor.read', {}, this.#over.signal);
      const news: SensorNews = {
        host: this.#host,
        at: this.#clock.wallSeconds(),
        says: result === undefined ? clean(lines[0] ?? '').slice(0, 300) : '',
        sensors: result === undefined ? [] : sensorLines(result),
        ...(this.#readings >= MOST_READINGS ? {} : { nextMs: READ_EVERY }),
      };
      const frame = frameEvent('sensors', news);
      for (const [send, sensors] of this.#pages) if (sensors) send(frame);
    } catch {
      // Only because nobody looks any more.
    } finally {
      this.#reading = false;
    }
  }

  #tell(frame: string): void {
    // One that does not read is closed by whoever sends, and then leaves.
    for (const send of this.#pages.keys()) send(frame);
  }
}

/** Hosts that pages look at closely now: one host a page. Nothing is asked of a host that no page looks at. */
export class HostLooks {
  readonly #door: FleetDoor;
  readonly #clock: Clock;
  readonly #looks = new Map<string, HostLook>();
  readonly #pages = new Map<string, { readonly send: Send; host: string | undefined }>();

  constructor(door: FleetDoor, clock: Clock) {
    this.#door = door;
    this.#clock = clock;
  }

  /** A page's stream has begun; it is told the id by which it asks. */
  open(stream: string, send: Send, gone: AbortSignal): void {
    if (gone.aborted) return;
    this.#pages.set(stream, { send, host: undefined });
    send(frameEvent('you', { stream }));
    gone.addEventListener(
      'abort',
      () => {
        this.look(stream, undefined, false);
        this.#pages.delete(stream);
      },
      { once: true },
    );
  }

  /** False: there is no such stream. */
  look(stream: string, host: string | undefined, sensors: boolean): boolean {
    const page = this.#pages.get(stream);
    if (page === undefined) return false;
    if (page.host !== undefined && page.host !== host) this.#leave(page.host, page.send);
    page.host = host;
    if (host === undefined) return true;
    const look = this.#looks.get(host) ?? new HostLook(host, this.#door, this.#clock);
    this.#looks.set(host, look);
    look.join(page.send, sensors);
    return true;
  }

  #leave(host: string, send: Send): void {
    const look = this.#looks.get(host);
    look?.leave(send);
    if (look?.pages === 0) this.#looks.delete(host);
  }
}
