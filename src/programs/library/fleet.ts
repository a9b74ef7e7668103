import { NsError } from '../../base/index.ts';
import { parseBytes, parsePlace } from '../../fleet/index.ts';
import type { ArgsOf, ResultOf, Verb } from '../../protocol/index.ts';
import {
  cosign,
  type OrderDraft,
  type SendOptions,
  type SignOptions,
  sendDrafts,
  showDraft,
  signFor,
} from './drafts.ts';
import {
  findFiles,
  type GetOptions,
  getFiles,
  getImages,
  type ImageOptions,
  type LocalCopy,
  listFiles,
  type PutOptions,
  putFiles,
  type ReadControl,
  readFrom,
} from './files.ts';
import { type UpdateOptions, updateFirmware } from './firmware.ts';
import { give, type Hosts } from './give.ts';
import { type OpenOptions, type OrderControl, type WriteControl, writingArgs } from './options.ts';
import type { HostOutcome } from './outcome.ts';
import { type ReceiptVerification, verify } from './receipt.ts';
import type { Run } from './run.ts';
import { hostsOf, openSite, type Site } from './site.ts';

export interface ListOptions extends ReadControl {
  readonly recursive?: boolean | undefined;
  /** Take *, ? and [ as plain letters. */
  readonly literal?: boolean | undefined;
}

export interface StatOptions extends ReadControl {
  /** Of a symbolic link, the link itself. */
  readonly noFollow?: boolean | undefined;
  /** Also the values of extended attributes and ACLs. */
  readonly xattrs?: boolean | undefined;
}

/** What a file has to be to be found; all that is given must hold. */
export interface FindOptions
  extends ReadControl,
    Partial<Omit<ArgsOf<'file.find'>, 'volume' | 'path' | 'after' | 'limit' | 'staleOk'>> {
  /** Stop after so many matches on a host; 10,000 where absent. */
  readonly limit?: number | undefined;
}

export interface RemoveOptions extends WriteControl {
  /** Also directories and all in them. */
  readonly recursive?: boolean | undefined;
  readonly literal?: boolean | undefined;
}

export type MemoryOptions = ArgsOf<'memory.check'> & OrderControl;

const MATCHES = 10_000;
const TASK_ID_BYTES = 16;
const same = <R>(result: R): R => result;

/** Of what the caller says, what the order says. */
function only<K extends string>(from: object, keys: readonly K[]): Record<string, unknown> {
  const entries = Object.entries(from).filter(
    ([key, value]) => keys.some((known) => known === key) && value !== undefined && value !== false,
  );
  return Object.fromEntries(entries);
}

const FIND = [
  'name',
  'iname',
  'kind',
  'size',
  'newer',
  'older',
  'sha256',
  'contains',
  'maxDepth',
  'staleOk',
] as const;
const MEMORY = ['medium', 'algorithms', 'ranges', 'disk'] as const;

/**
 * The operator's side of a site: gives signed orders to the devices of a configuration, and brings back their signed
 * receipts. The same engine as the command's. It prints nothing, ends no process and listens to no signals of the process;
 * several may be open at once.
 */
export class Fleet {
  readonly #site: Site;
  readonly #closing: AbortController;

  private constructor(site: Site, closing: AbortController) {
    this.#site = site;
    this.#closing = closing;
  }

  /**
   * Opens the key and connects to the broker. NS_CONFIG_INVALID, NS_KEY_FILE, NS_RECEIPTS, NS_BROKER_UNREACHABLE; the reason of the
   * signal.
   */
  static async open(options: OpenOptions): Promise<Fleet> {
    const closing = new AbortController();
    return new Fleet(await openSite(options, closing.signal), closing);
  }

  /** Ends what is under way (NS_FLEET_CLOSED) and says goodbye to the broker. Orders that devices have go on there. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new NsError('NS_FLEET_CLOSED', 'the fleet was closed', { family: 'caller' }));
    await this.#site.engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get tenant(): string {
    return this.#site.setup.config.tenant;
  }

  /** Names of the devices that a range means; all of them where it is absent. NS_HOSTS_INVALID names the nearest known. */
  hosts(range: Hosts = '@all', options: Pick<OrderControl, 'allBut'> = {}): readonly string[] {
    return hostsOf(this.#site, range, options.allBut);
  }

  /** Any order, with the arguments of its verb. */
  order<V extends Verb>(
    hosts: Hosts,
    verb: V,
    args: ArgsOf<V>,
    options: WriteControl = {},
  ): Run<ResultOf<V>> {
    return give(this.#site, hosts, verb, args, options, same);
  }

  /** Power, lock, disks and tasks. */
  status(hosts: Hosts, options: OrderControl = {}): Run<ResultOf<'machine.status'>> {
    return give(this.#site, hosts, 'machine.status', {}, options, same);
  }

  /** What the host's power is, and by which signs. Nothing here switches a host on. */
  power(hosts: Hosts, options: OrderControl = {}): Run<ResultOf<'machine.status'>['power']> {
    return give(this.#site, hosts, 'machine.status', {}, options, ({ power }) => power);
  }

  /** The volumes: what each is, and whether it may be read and written. */
  volumes(
    hosts: Hosts,
    options: OrderControl & { readonly after?: string } = {},
  ): Run<ResultOf<'volume.list'>> {
    const args: ArgsOf<'volume.list'> = options.after === undefined ? {} : { after: options.after };
    return give(this.#site, hosts, 'volume.list', args, options, same);
  }

  /** A directory or a pattern, "[VOLUME:]/PATH", with all pages. */
  ls(hosts: Hosts, path: string, options: ListOptions = {}): Run<ResultOf<'file.list'>> {
    const args = { ...parsePlace(path), ...only(options, ['recursive', 'literal', 'staleOk']) };
    return listFiles(this.#site, hosts, args, options);
  }

  /** The facts about one file. */
  stat(hosts: Hosts, path: string, options: StatOptions = {}): Run<ResultOf<'file.stat'>> {
    const args = { ...parsePlace(path), ...only(options, ['noFollow', 'xattrs', 'staleOk']) };
    return give(this.#site, hosts, 'file.stat', args, options, same);
  }

  /** A search, made by the devices themselves: only matches leave them. */
  find(hosts: Hosts, path: string, options: FindOptions = {}): Run<ResultOf<'file.find'>> {
    const args = { ...parsePlace(path), ...only(options, FIND) };
    return findFiles(this.#site, hosts, args, options.limit ?? MATCHES, options);
  }

  /** Fetches a file, or a directory and all in it, into a file here; goes on where a transfer before had broken off. */
  get(hosts: Hosts, path: string, options: GetOptions = {}): Run<LocalCopy> {
    return getFiles(this.#site, hosts, path, options);
  }

  /** Fetches a whole disk or volume, bit by bit, as a file with holes. */
  image(hosts: Hosts, volume: string, options: ImageOptions = {}): Run<LocalCopy> {
    return getImages(this.#site, hosts, volume, options);
  }

  /**
   * The contents of one file of one host, in pieces. They come when all of it is here and has the hash that the device has
   * signed. Throws NotAllSucceeded.
   */
  read(
    host: string,
    path: string,
    options: ReadControl = {},
  ): AsyncGenerator<Uint8Array, HostOutcome<LocalCopy>, undefined> {
    return readFrom(this.#site, host, path, options);
  }

  /** Puts a file on the disks, wholly or not at all: the one named here, or these bytes. */
  put(
    hosts: Hosts,
    path: string,
    source: string | Uint8Array,
    options: PutOptions = {},
  ): Run<ResultOf<'file.download'>> {
    return putFiles(this.#site, hosts, path, source, options);
  }

  /** Deletes files; directories and all in them take two people and a token. */
  rm(hosts: Hosts, path: string, options: RemoveOptions = {}): Run<ResultOf<'file.delete'>> {
    const args = { ...parsePlace(path), ...only(options, ['recursive', 'literal']), ...writingArgs(options) };
    return give(this.#site, hosts, 'file.delete', args, options, same);
  }

  /** Checks memory, module data or the surface of a disk. */
  memcheck(hosts: Hosts, options: MemoryOptions): Run<ResultOf<'memory.check'>> {
    const args = only(options, MEMORY) as ArgsOf<'memory.check'>;
    return give(this.#site, hosts, 'memory.check', args, options, same);
  }

  /**
   * Updates the devices' own firmware by a signed image: it succeeds when a device has written it and is about to try it. Ask
   * `firmware` after that until its `update` with the id of this order is confirmed or rolled back.
   */
  update(hosts: Hosts, image: string, options: UpdateOptions = {}): Run<ResultOf<'agent.update'>> {
    return updateFirmware(this.#site, hosts, image, options);
  }

  /** Which firmware devices run, on trial or proven, and what became of the last update. */
  firmware(hosts: Hosts, options: OrderControl = {}): Run<ResultOf<'agent.firmware'>> {
    return give(this.#site, hosts, 'agent.firmware', {}, options, same);
  }

  /** The tasks of devices. */
  tasks(hosts: Hosts, options: OrderControl = {}): Run<ResultOf<'task.list'>> {
    return give(this.#site, hosts, 'task.list', {}, options, same);
  }

  /** Asks a task to stop, by its id; its own receipt says how it ended. */
  cancel(hosts: Hosts, task: string | Uint8Array, options: OrderControl = {}): Run<ResultOf<'task.cancel'>> {
    const id = typeof task === 'string' ? parseBytes(task, 'task id', TASK_ID_BYTES) : task;
    return give(this.#site, hosts, 'task.cancel', { task: id }, options, same);
  }

  /** The chains of drives, unit by unit. */
  chain(hosts: Hosts, options: OrderControl & ArgsOf<'chain.status'> = {}): Run<ResultOf<'chain.status'>> {
    const args = only(options, ['disk', 'after']) as ArgsOf<'chain.status'>;
    return give(this.#site, hosts, 'chain.status', args, options, same);
  }

  /** Orders that devices keep until they may be done. */
  staged(hosts: Hosts, options: OrderControl = {}): Run<ResultOf<'staged.list'>> {
    return give(this.#site, hosts, 'staged.list', {}, options, same);
  }

  /** One order for each host, for two people, with the first signature; nothing is sent. NS_USAGE, NS_NEEDS_TOKEN. */
  sign<V extends Verb>(
    hosts: Hosts,
    verb: V,
    args: ArgsOf<V>,
    options: SignOptions = {},
  ): Promise<OrderDraft> {
    return signFor(this.#site, hosts, verb, args, options);
  }

  /** What is signed in such a text, and by whom. NS_ORDER_FILE. */
  draft(text: string): OrderDraft {
    return showDraft(this.#site, text);
  }

  /** The second signature. NS_ORDER_STRANGER where the first is nobody's known here, NS_ORDER_INVALID. */
  cosign(text: string): Promise<OrderDraft> {
    return cosign(this.#site, text);
  }

  /** Sends what two people have signed. NS_ORDER_INVALID, NS_NEEDS_TOKEN, NS_DEVICE_UNKNOWN, at once. */
  send(text: string, options: SendOptions = {}): Run<unknown> {
    return sendDrafts(this.#site, text, options);
  }

  /** What a kept receipt is worth, by the public keys of the configuration; it needs no broker. */
  verify(bytes: Uint8Array): ReceiptVerification {
    return verify(bytes, this.#site.keys);
  }
}
