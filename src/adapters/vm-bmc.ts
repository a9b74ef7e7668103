import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { asNsError, NsError } from '../base/index.ts';
import {
  type BmcCommands,
  COMPLETION,
  decodeVmControl,
  decodeVmRequest,
  encodeVmFrame,
  encodeVmResponse,
  VM_GREETING,
  VM_ORDER,
  type VmCapabilities,
  type VmFrame,
  VmFrameReader,
  type VmOrder,
  type VmRequest,
} from '../ipmi/index.ts';
import type { LogSink, Stop } from '../ports/index.ts';
import { listenPrivately } from './listen-privately.ts';

export interface VmBmcOptions {
  /** Of the unix socket that QEMU's `ipmi-bmc-extern` connects to. */
  readonly path: string;
  /** Answers what the guest asks. Without it, until `serve` is called, every command is unknown. */
  readonly commands?: Pick<BmcCommands, 'answer'>;
  readonly log: LogSink;
}

/** What the emulator tells about itself when it connects. */
export interface VmPeer {
  readonly version: number;
  readonly capabilities: VmCapabilities;
}

/** The KCS interface takes one request at a time; a guest that has more under way is told to wait. */
const UNDER_WAY = 8;
/** Bytes of answers that the emulator has not taken. */
const UNSENT = 64 * 1024;

/** The BMC of an emulated machine: the emulator connects to it, brings the guest's commands, and takes orders. */
export class VmBmc {
  readonly #server: Server;
  readonly #path: string;
  readonly #log: LogSink;
  readonly #listeners = new Set<() => void>();
  #commands: Pick<BmcCommands, 'answer'> | undefined;
  #socket: Socket | undefined;
  #peer: VmPeer | undefined;
  #orders: Promise<void> = Promise.resolve();

  /** NS_SOCKET_PATH where the path is taken; NS_VM_BMC where it cannot listen. */
  static async listen(options: VmBmcOptions): Promise<VmBmc> {
    const server = createServer();
    const bmc = new VmBmc(server, options);
    try {
      await listenPrivately(server, options.path);
      return bmc;
    } catch (error) {
      throw asNsError(error, 'NS_VM_BMC');
    }
  }

  private constructor(server: Server, { path, commands, log }: VmBmcOptions) {
    this.#server = server;
    this.#path = path;
    this.#commands = commands;
    this.#log = log;
    server.on('connection', (socket) => this.#admit(socket));
  }

  /** Who is connected, once it has said what it can do. */
  get peer(): VmPeer | undefined {
    return this.#peer;
  }

  /** Has the guest answered by these commands from now on. */
  serve(commands: Pick<BmcCommands, 'answer'>): void {
    this.#commands = commands;
  }

  can(order: VmOrder): boolean {
    return this.#peer !== undefined && allows(this.#peer.capabilities, order);
  }

  /** Resolves when it was given to the emulator; NS_POWER where none is connected, or it cannot do that. */
  order(order: VmOrder): Promise<void> {
    const given = this.#orders.then(() => this.#give(order));
    this.#orders = given.catch(() => {});
    return given;
  }

  /** Called when the emulator is there, with what it can do, and when it is gone. */
  onChange(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.#path, { force: true });
  }

  #admit(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#socket !== undefined) {
      this.#log.log('warn', 'vm-bmc.second-connection-refused');
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const frames = new VmFrameReader();
    const line: Line = { socket, underWay: 0 };
    socket.on('data', (bytes) => {
      for (const frame of frames.push(bytes)) this.#hear(line, frame);
    });
    socket.on('close', () => {
      this.#socket = undefined;
      this.#peer = undefined;
      this.#tell();
    });
    socket.write(encodeVmFrame('control', VM_GREETING));
  }

  #hear(line: Line, frame: VmFrame): void {
    if (frame.is === 'damaged') this.#log.log('warn', 'vm-bmc.damaged-frame', { why: frame.why });
    else if (frame.is === 'message') this.#request(line, frame.bytes);
    else this.#control(frame.bytes);
  }

  #control(bytes: Uint8Array): void {
    const said = decodeVmControl(bytes);
    if (said.is === 'version') {
      this.#peer = { version: said.version, capabilities: this.#peer?.capabilities ?? NONE };
    } else if (said.is === 'capabilities') {
      this.#peer = { version: this.#peer?.version ?? 0, capabilities: said.capabilities };
    } else return;
    this.#tell();
  }

  #request(line: Line, bytes: Uint8Array): void {
    const request = decodeVmRequest(bytes);
    if (request === undefined) {
      this.#log.log('warn', 'vm-bmc.damaged-frame', { why: 'checksum' });
      return;
    }
    if (line.underWay >= UNDER_WAY) {
      reply(line, request, { completion: COMPLETION.busy, data: new Uint8Array(0) });
      return;
    }
    line.underWay += 1;
    void this.#answer(line, request).finally(() => {
      line.underWay -= 1;
    });
  }

  async #answer(line: Line, request: VmRequest): Promise<void> {
    const unknown = { completion: COMPLETION.unknownCommand, data: new Uint8Array(0) };
    const answer = await (this.#commands?.answer(request, { is: 'host' }) ?? unknown);
    reply(line, request, answer);
  }

  #give(order: VmOrder): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || !this.can(order)) {
      throw new NsError('NS_POWER', `no emulator is connected that can be ordered to "${order}"`);
    }
    const frame = encodeVmFrame('control', Uint8Array.of(VM_ORDER[order]));
    return new Promise((resolve, reject) => {
      socket.write(frame, (cause) => {
        if (cause) reject(new NsError('NS_POWER', 'the emulator went away', { cause }));
        else resolve();
      });
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

interface Line {
  readonly socket: Socket;
  underWay: number;
}

function reply(line: Line, request: VmRequest, answer: Awaited<ReturnType<BmcCommands['answer']>>): void {
  const { socket } = line;
  if (socket.destroyed) return;
  // An emulator that stopped reading is hung up on, not remembered for.
  if (socket.writableLength > UNSENT) socket.destroy();
  else socket.write(encodeVmFrame('message', encodeVmResponse(request, answer)));
}

const NONE: VmCapabilities = {
  powerOff: false,
  reset: false,
  interrupt: false,
  nmi: false,
  attention: false,
  softOff: false,
};

function allows(can: VmCapabilities, order: VmOrder): boolean {
  switch (order) {
    case 'powerOff':
      return can.powerOff;
    case 'reset':
      return can.reset;
    case 'nmi':
      return can.nmi;
    case 'softOff':
      return can.softOff;
    case 'enableInterrupt':
    case 'disableInterrupt':
    case 'attentionWithInterrupt':
      return can.interrupt;
    case 'attention':
    case 'clearAttention':
      return can.attention;
  }
}
