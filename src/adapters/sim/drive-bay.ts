import { fromHex, NsError, toHex, utf8 } from '../../base/index.ts';
import type {
  BlockDevice,
  DriveAnswer,
  DriveSecurity,
  DriveSecurityState,
  StateStore,
} from '../../ports/index.ts';
import { type AtaSecurity, type AtaSecurityCommand, newSecurity, stepSecurity } from './ata-security.ts';

/** A simulated drive as far as its own lock goes; it keeps its password without power, in a bay or out of it. */
export class SimDriveLock {
  readonly serial: string;
  readonly supported: boolean;
  /** Commands with a password that it was given, refused ones too. */
  readonly asked: AtaSecurityCommand['is'][] = [];
  state: AtaSecurity = newSecurity();
  /** A self-encrypting drive: what it answers to Level 0 Discovery, and what is read in place of its contents, if so. */
  opal: { readonly answer: Uint8Array; readonly locked: boolean; readonly shadow?: Uint8Array } | undefined;
  #cut: { readonly at: number; readonly when: 'before' | 'after' } | undefined;

  constructor(serial: string, supported = true) {
    this.serial = serial;
    this.supported = supported;
  }

  /** Its power goes and comes back: at this command from now, 1 being the next, before or after it is carried out. */
  cutAtCommand(n: number, when: 'before' | 'after'): void {
    this.#cut = { at: this.asked.length + n, when };
  }

  powerOn(): void {
    this.state = stepSecurity(this.state, { is: 'power-on' }).state;
  }

  /** As a host's firmware does before it boots. */
  freeze(): void {
    this.state = stepSecurity(this.state, { is: 'freeze-lock' }).state;
  }

  command(command: AtaSecurityCommand): boolean {
    this.asked.push(command.is);
    const cut = this.#cut?.at === this.asked.length ? this.#cut.when : undefined;
    if (cut === 'before') this.#lose();
    const { state, done } = stepSecurity(this.state, command);
    this.state = state;
    if (cut === 'after') this.#lose();
    return done;
  }

  #lose(): never {
    this.powerOn();
    throw new NsError('NS_DRIVE_SECURITY', 'the drive lost its power');
  }
}

/** A bay of the simulated machine: whichever drive is in it now, and the way to that drive's own lock. */
export class SimDriveBay implements DriveSecurity {
  readonly disk: string;
  readonly #store: StateStore | undefined;
  #drive: SimDriveLock | undefined;

  /** With a store, what the drive keeps outlives the process, which counts as a loss of power. */
  constructor(disk: string, drive: SimDriveLock, store?: StateStore) {
    this.disk = disk;
    this.#drive = drive;
    this.#store = store;
  }

  get drive(): SimDriveLock | undefined {
    return this.#drive;
  }

  /** Takes out what is there, and puts this in; it gets its power there. */
  insert(drive: SimDriveLock | undefined): SimDriveLock | undefined {
    const out = this.#drive;
    drive?.powerOn();
    this.#drive = drive;
    return out;
  }

  async load(): Promise<void> {
    const stored = await this.#store?.readDocument(this.#document);
    if (stored === undefined || this.#drive === undefined) return;
    const { user, maximum } = JSON.parse(new TextDecoder().decode(stored)) as {
      user?: string;
      maximum: boolean;
    };
    this.#drive.state = {
      ...this.#drive.state,
      user: user === undefined ? undefined : fromHex(user),
      maximum,
    };
    this.#drive.powerOn();
  }

  async read(signal: AbortSignal): Promise<DriveSecurityState | undefined> {
    signal.throwIfAborted();
    if (this.#drive === undefined) return undefined;
    const { serial, supported, state } = this.#drive;
    return {
      serial,
      supported,
      enabled: state.user !== undefined,
      locked: state.locked,
      frozen: state.frozen,
      attemptsExpired: state.attempts === 0,
      maximum: state.maximum,
    };
  }

  async discover(signal: AbortSignal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted();
    return this.#drive?.opal?.answer;
  }

  setPassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send({ is: 'set-password', password, maximum: true }, signal);
  }

  unlock(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send({ is: 'unlock', password }, signal);
  }

  disablePassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer> {
    return this.#send({ is: 'disable-password', password }, signal);
  }

  /** The medium of whichever drive is here: nothing of it is read or written while that drive is locked. */
  guard(device: BlockDevice): BlockDevice {
    const open = async <T>(act: () => Promise<T>): Promise<T> => {
      const { state, opal } = this.#drive ?? {};
      if (state?.locked === true || (opal?.locked === true && opal.shadow === undefined)) {
        throw new NsError('NS_BLOCK_IO', `${device.name} aborts the command: it is locked`);
      }
      return act();
    };
    const { readMedium } = device;
    return {
      name: device.name,
      capabilities: device.capabilities,
      read: (offset, into, signal) =>
        open(async () => {
          const shadow = this.#drive?.opal?.shadow;
          if (shadow === undefined) return device.read(offset, into, signal);
          const part = shadow.subarray(offset, offset + into.byteLength);
          into.fill(0).set(part);
        }),
      ...(readMedium === undefined
        ? {}
        : {
            readMedium: (offset: number, into: Uint8Array, signal?: AbortSignal) =>
              open(() => readMedium.call(device, offset, into, signal)),
          }),
      write: (offset, data, signal) => open(() => device.write(offset, data, signal)),
      flush: (signal) => open(() => device.flush(signal)),
      trim: (offset, length, signal) => open(() => device.trim(offset, length, signal)),
      close: () => device.close(),
    };
  }

  get #document(): string {
    return `sim-security-${this.disk}`;
  }

  async #send(command: AtaSecurityCommand, signal: AbortSignal): Promise<DriveAnswer> {
    signal.throwIfAborted();
    const drive = this.#drive;
    if (drive === undefined) throw new NsError('NS_DRIVE_SECURITY', `there is no drive in ${this.disk}`);
    try {
      return drive.command(command) ? 'done' : 'refused';
    } finally {
      const { user, maximum } = drive.state;
      const kept = { maximum, ...(user === undefined ? {} : { user: toHex(user) }) };
      await this.#store?.writeDocument(this.#document, utf8(JSON.stringify(kept)));
    }
  }
}
