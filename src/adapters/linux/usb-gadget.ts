import { mkdir, rmdir, symlink, unlink } from 'node:fs/promises';
import { NsError, sentenceOf } from '../../base/index.ts';
import type { HostMedia } from '../../ports/index.ts';
import { type KernelFiles, kernelFiles } from './kernel-files.ts';

/** The kernel's USB gadgets are made of directories and links: configfs. */
export interface GadgetFiles extends Pick<KernelFiles, 'has' | 'text' | 'write'> {
  makeDirectory(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  link(target: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

/** Mounted at /sys/kernel/config. */
export const gadgetFiles: GadgetFiles = {
  has: (path) => kernelFiles.has(path),
  text: (path) => kernelFiles.text(path),
  write: (path, value) => kernelFiles.write(path, value),
  makeDirectory: (path) => mkdir(path),
  removeDirectory: (path) => rmdir(path),
  link: (target, path) => symlink(target, path),
  unlink: (path) => unlink(path),
};

const GADGETS = '/sys/kernel/config/usb_gadget';
const OURS = `${GADGETS}/nightshift`;
const STRINGS = `${OURS}/strings/0x409`;
const CONFIGURATION = `${OURS}/configs/c.1`;
const FUNCTION = `${OURS}/functions/mass_storage.0`;
const MEDIUM = `${FUNCTION}/lun.0`;
const LINK = `${CONFIGURATION}/mass_storage.0`;
const CONTROLLER = `${OURS}/UDC`;
const NONE = '\n';

/** Linux Foundation's numbers for gadgets that have none of their own. */
const FACTS: readonly (readonly [path: string, value: string])[] = [
  [`${OURS}/idVendor`, '0x1d6b'],
  [`${OURS}/idProduct`, '0x0104'],
  [`${OURS}/bcdUSB`, '0x0200'],
];
const NAMES: readonly (readonly [path: string, value: string])[] = [
  [`${STRINGS}/manufacturer`, 'Nightshift'],
  [`${STRINGS}/product`, 'Offered disk'],
  [`${STRINGS}/serialnumber`, '000000000001'],
];
/** Read-only, and set before the file is: the kernel takes neither while one is shown. */
const READ_ONLY: readonly (readonly [path: string, value: string])[] = [
  [`${MEDIUM}/ro`, '1'],
  [`${MEDIUM}/removable`, '1'],
  [`${MEDIUM}/cdrom`, '0'],
];

/** A mass storage gadget at one USB device controller of this machine. Nothing of it outlives a start of the machine. */
export class UsbGadget implements HostMedia {
  readonly #controller: string;
  readonly #files: GadgetFiles;

  constructor(controller: string, files: GadgetFiles) {
    this.#controller = controller;
    this.#files = files;
  }

  shown(): Promise<string | undefined> {
    return asked('what is shown cannot be told', async () => {
      const files = this.#files;
      if (!(await files.has(CONTROLLER)) || (await files.text(CONTROLLER)) === '') return undefined;
      return (await files.text(`${MEDIUM}/file`)) || undefined;
    });
  }

  show(path: string): Promise<void> {
    return asked('the image cannot be shown', async () => {
      if (!(await this.#files.has(GADGETS)))
        throw new NsError('NS_MEDIA', 'the kernel has no USB gadgets here (libcomposite, configfs)');
      await this.#takeDown();
      try {
        await this.#build(path);
      } catch (error) {
        await this.#takeDown();
        throw error;
      }
    });
  }

  take(): Promise<void> {
    return asked('what is shown cannot be taken away', () => this.#takeDown());
  }

  async #build(path: string): Promise<void> {
    const files = this.#files;
    await files.makeDirectory(OURS);
    await this.#put(FACTS);
    await files.makeDirectory(STRINGS);
    await this.#put(NAMES);
    await files.makeDirectory(FUNCTION);
    await this.#put(READ_ONLY);
    await files.write(`${MEDIUM}/file`, path);
    await files.makeDirectory(CONFIGURATION);
    await files.link(FUNCTION, LINK);
    await files.write(CONTROLLER, this.#controller);
  }

  /** From the outside in: once the controller is let go, the host has lost it, and nothing else can fail for its sake. */
  async #takeDown(): Promise<void> {
    const files = this.#files;
    if (!(await files.has(OURS))) return;
    if ((await files.text(CONTROLLER)) !== '') await files.write(CONTROLLER, NONE);
    if (await files.has(LINK)) await files.unlink(LINK);
    for (const directory of [CONFIGURATION, FUNCTION, STRINGS, OURS])
      if (await files.has(directory)) await files.removeDirectory(directory);
  }

  async #put(values: readonly (readonly [path: string, value: string])[]): Promise<void> {
    for (const [path, value] of values) await this.#files.write(path, value);
  }
}

async function asked<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new NsError('NS_MEDIA', `${what}: ${sentenceOf(cause)}`, { cause, retryable: true });
  }
}
