import type { GadgetFiles } from '../../src/adapters/linux/index.ts';

const ROOT = '/sys/kernel/config/usb_gadget';
const ATTRIBUTES: readonly (readonly [directory: RegExp, names: readonly string[]])[] = [
  [/^\/[^/]+$/, ['idVendor', 'idProduct', 'bcdUSB', 'UDC']],
  [/^\/[^/]+\/strings\/0x409$/, ['manufacturer', 'product', 'serialnumber']],
  [/^\/[^/]+\/functions\/mass_storage\.[^/]+$/, ['stall']],
  [/^\/[^/]+\/functions\/mass_storage\.[^/]+\/lun\.0$/, ['file', 'ro', 'removable', 'cdrom']],
  [/^\/[^/]+\/configs\/[^/]+$/, ['MaxPower']],
];

/**
 * USB gadgets as the kernel's configfs has them: a directory brings its attributes, what is in use cannot be changed or
 * removed, and a controller takes one gadget that has something to show.
 */
export class FakeConfigfs implements GadgetFiles {
  readonly files = new Map<string, string>();
  readonly directories = new Set([ROOT]);
  readonly links = new Map<string, string>();
  /** Calls so far; the one with this number fails. */
  calls = 0;
  failAt = -1;
  readonly #controllers: readonly string[];

  constructor(controllers: readonly string[] = ['usb0']) {
    this.#controllers = controllers;
  }

  /** What the host sees: the file, and whether it may write to it. */
  get seen(): { readonly file: string; readonly readOnly: boolean } | undefined {
    for (const [path, value] of this.files) {
      if (!path.endsWith('/UDC') || value === '') continue;
      const gadget = path.slice(0, -'/UDC'.length);
      const linked = [...this.links].find(([link]) => link.startsWith(`${gadget}/configs/`))?.[1];
      const file = this.files.get(`${linked}/lun.0/file`) ?? '';
      if (file !== '') return { file, readOnly: this.files.get(`${linked}/lun.0/ro`) === '1' };
    }
    return undefined;
  }

  async has(path: string): Promise<boolean> {
    return this.files.has(path) || this.directories.has(path) || this.links.has(path);
  }

  async text(path: string): Promise<string> {
    this.#call();
    const text = this.files.get(path);
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  }

  async write(path: string, value: string): Promise<void> {
    this.#call();
    if (!this.files.has(path)) throw new Error(`ENOENT: ${path}`);
    const text = value.trim();
    if (path.endsWith('/UDC')) this.#bind(path, text);
    else if (/\/lun\.0\/(ro|cdrom)$/.test(path) && this.#file(path) !== '') throw new Error(`EBUSY: ${path}`);
    this.files.set(path, text);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#call();
    if (this.directories.has(path)) throw new Error(`EEXIST: ${path}`);
    this.#add(path);
    if (/\/functions\/mass_storage\.[^/]+$/.test(path)) this.#add(`${path}/lun.0`);
  }

  async removeDirectory(path: string): Promise<void> {
    this.#call();
    if (!this.directories.has(path)) throw new Error(`ENOENT: ${path}`);
    const below = (each: string): boolean => each.startsWith(`${path}/`);
    const held = [...this.directories].some((each) => below(each) && !each.endsWith('/lun.0'));
    const linked = [...this.links].some(([link, target]) => below(link) || target === path);
    if (held || linked || (this.files.get(`${path}/UDC`) ?? '') !== '') throw new Error(`EBUSY: ${path}`);
    this.directories.delete(path);
    for (const each of [...this.directories]) if (below(each)) this.directories.delete(each);
    for (const each of [...this.files.keys()]) if (below(each)) this.files.delete(each);
  }

  async link(target: string, path: string): Promise<void> {
    this.#call();
    if (!this.directories.has(target)) throw new Error(`ENOENT: ${target}`);
    this.links.set(path, target);
  }

  async unlink(path: string): Promise<void> {
    this.#call();
    const gadget = path.split('/configs/')[0];
    if (this.files.get(`${gadget}/UDC`) !== '') throw new Error(`EBUSY: ${path}`);
    this.links.delete(path);
  }

  #bind(path: string, controller: string): void {
    if (controller === '') {
      if (this.files.get(path) === '') throw new Error(`ENODEV: ${path}`);
      return;
    }
    const gadget = path.slice(0, -'/UDC'.length);
    if (!this.#controllers.includes(controller)) throw new Error(`ENODEV: ${controller}`);
    if (![...this.links.keys()].some((link) => link.startsWith(`${gadget}/configs/`)))
      throw new Error(`EINVAL: ${path}`);
  }

  #file(path: string): string {
    return this.files.get(path.replace(/[^/]+$/, 'file')) ?? '';
  }

  #add(path: string): void {
    this.directories.add(path);
    const inside = path.slice(ROOT.length);
    for (const [directory, names] of ATTRIBUTES)
      if (directory.test(inside)) for (const name of names) this.files.set(`${path}/${name}`, '');
  }

  #call(): void {
    this.calls += 1;
    if (this.calls === this.failAt) throw new Error('EIO: it fails');
  }
}
