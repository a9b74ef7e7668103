import { hasCode, milliseconds, NsError } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import { blockNodes, type DriveAt, failingNode, whereIs } from './drive-graph.ts';
import { driverFor } from './image-holder.ts';
import type { Qmp } from './qmp.ts';

export interface QemuDriveOptions {
  /** For people: "disk0". */
  readonly disk: string;
  readonly home: DriveHome;
  /** Of the block node of driver "raw" that the host's drive is plugged into. */
  readonly node: string;
  readonly qmp: Qmp;
  readonly clock: Clock;
}

/** What the drive is over while it is with the host. */
export interface DriveHome {
  /** QEMU's name for it, as it tells it of a node that has it open. */
  readonly file: string;
  /** What blockdev-add is told, but for the node's name. */
  node(): Promise<Readonly<Record<string, unknown>>>;
}

/** An image: an absolute path, as QEMU was given it. */
export const imageHome = (image: string): DriveHome => ({
  file: image,
  node: async () => ({ driver: await driverFor(image), filename: image }),
});

/** A QEMU that ends, or one that begins, is neither there nor gone for a moment. */
const KNOWN = milliseconds(300);
const TRIES = 20;
const PAUSE = milliseconds(50);

/**
 * The host's drive inside QEMU: over the image, or over a node that fails every request. QEMU opens and closes the image
 * by that, with its locks, whatever the guest does; a reopening that cannot lock the image changes nothing.
 */
export class QemuDrive {
  readonly #options: QemuDriveOptions;

  constructor(options: QemuDriveOptions) {
    this.#options = options;
  }

  /** "absent" where there is no QEMU. Throws where it does not answer. */
  async at(signal?: AbortSignal): Promise<DriveAt | { readonly is: 'absent' }> {
    const { qmp, node, home } = this.#options;
    if ((await qmp.known(KNOWN)) === 'gone') return { is: 'absent' };
    const answer = await qmp.execute('query-named-block-nodes', { flat: true }, signal);
    return whereIs(blockNodes(answer), node, home.file);
  }

  /** Has QEMU close the image. NS_SWITCH where it still has it afterwards. */
  async detach(signal?: AbortSignal): Promise<void> {
    const before = await this.at(signal);
    if (before.is === 'host') {
      await this.#add(failingNode(this.#away, before.size), signal);
      await this.#reopen(this.#away, signal);
    }
    const now = await this.at(signal);
    for (const name of now.is === 'between' ? now.nodes : []) await this.#remove(name, signal);
    await this.#check('away', signal);
  }

  /** Has QEMU open the image again. NS_SWITCH where it has it not: somebody else holds its lock. */
  async attach(signal?: AbortSignal): Promise<void> {
    const before = await this.at(signal);
    if (before.is === 'absent') return;
    if (before.is !== 'host') {
      // One that was left by an earlier try may be of another size by now.
      await this.#remove(this.#home, signal);
      await this.#add({ ...(await this.#options.home.node()), 'node-name': this.#home }, signal);
      await this.#reopen(this.#home, signal);
    }
    await this.#remove(this.#away, signal);
    await this.#check('host', signal);
  }

  /**
   * Has QEMU open what it has at home once more: a connection that was lost fails one request before it is made again.
   * Nothing where the drive is not with the host.
   */
  async renew(signal?: AbortSignal): Promise<void> {
    if ((await this.at(signal)).is !== 'host') return;
    for (const name of [this.#home, this.#again]) await this.#remove(name, signal);
    const answer = await this.#options.qmp.execute('query-named-block-nodes', { flat: true }, signal);
    const isUsed = blockNodes(answer).some(({ name }) => name === this.#home);
    const [fresh, old] = isUsed ? [this.#again, this.#home] : [this.#home, this.#again];
    await this.#add({ ...(await this.#options.home.node()), 'node-name': fresh }, signal);
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#reopen(fresh, signal);
        break;
      } catch (error) {
        // It flushes what it had before, and cannot yet.
        if (tries === TRIES || !hasCode(error, 'NS_QMP_REFUSED')) throw error;
      }
      await this.#options.clock.sleep(PAUSE, signal ?? new AbortController().signal);
    }
    await this.#remove(old, signal);
    await this.#check('host', signal);
  }

  get #away(): string {
    return `${this.#options.node}-away`;
  }

  get #again(): string {
    return `${this.#options.node}-again`;
  }

  get #home(): string {
    return `${this.#options.node}-image`;
  }

  async #reopen(file: string, signal: AbortSignal | undefined): Promise<void> {
    const options = [{ driver: 'raw', 'node-name': this.#options.node, file }];
    await this.#options.qmp.execute('blockdev-reopen', { options }, signal);
  }

  async #add(node: Readonly<Record<string, unknown>>, signal: AbortSignal | undefined): Promise<void> {
    const name = String(node['node-name']);
    await this.#remove(name, signal);
    await this.#options.qmp.execute('blockdev-add', node, signal);
  }

  /** Nothing where it is not there, or in use: what it comes to is read back afterwards. */
  async #remove(name: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#options.qmp.execute('blockdev-del', { 'node-name': name }, signal);
    } catch (error) {
      if (!hasCode(error, 'NS_QMP_REFUSED')) throw error;
    }
  }

  async #check(wanted: 'host' | 'away', signal: AbortSignal | undefined): Promise<void> {
    const now = await this.at(signal);
    if (now.is === wanted || now.is === 'absent') return;
    const why = now.is === 'unknown' ? now.why : `it is ${now.is}`;
    throw new NsError('NS_SWITCH', `the drive of ${this.#options.disk} is not ${wanted} in QEMU: ${why}`);
  }
}
