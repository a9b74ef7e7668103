import { hasCode, milliseconds, NsError } from '../../base/index.ts';
import { blockNodes, type DriveAt, failingNode, whereIs } from './drive-graph.ts';
import { driverFor } from './image-holder.ts';
import type { Qmp } from './qmp.ts';

export interface QemuDriveOptions {
  /** For people: "disk0". */
  readonly disk: string;
  /** As QEMU was given it: an absolute path. */
  readonly image: string;
  /** Of the block node of driver "raw" that the host's drive is plugged into. */
  readonly node: string;
  readonly qmp: Qmp;
}

/** A QEMU that ends, or one that begins, is neither there nor gone for a moment. */
const KNOWN = milliseconds(300);

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
    const { qmp, node, image } = this.#options;
    if ((await qmp.known(KNOWN)) === 'gone') return { is: 'absent' };
    const answer = await qmp.execute('query-named-block-nodes', { flat: true }, signal);
    return whereIs(blockNodes(answer), node, image);
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
      const { image } = this.#options;
      // One that was left by an earlier try may be of another size by now.
      await this.#remove(this.#home, signal);
      await this.#add({ driver: await driverFor(image), 'node-name': this.#home, filename: image }, signal);
      await this.#reopen(this.#home, signal);
    }
    await this.#remove(this.#away, signal);
    await this.#check('host', signal);
  }

  get #away(): string {
    return `${this.#options.node}-away`;
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
