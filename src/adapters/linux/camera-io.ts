import { execFile } from 'node:child_process';
import { formatBytes, KiB, NsError, seconds, Turns } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, Stop } from '../../ports/index.ts';
import type { KernelFiles } from './kernel-files.ts';
import { NamedChannels, notWritable } from './named-channels.ts';
import { watchBySample } from './samples.ts';

type CameraPlace = Extract<ChannelPlace, { readonly on: 'camera' }>;

export interface CameraChannel {
  readonly channel: Channel;
  readonly at: CameraPlace;
}

/** One still, in JPEG. NS_IO_FAILED where there is none to be had. */
export type TakeStill = (at: CameraPlace, channel: string, signal?: AbortSignal) => Promise<Uint8Array>;

/** What an answer holds. */
const LARGEST = 48 * KiB;
/** A frame without compression may be larger before it is seen to be none. */
const MOST_OUTPUT = 1024 * KiB;
const PATIENCE = seconds(15);
const START = [0xff, 0xd8];
const END = [0xff, 0xd9];

/** Cameras that Linux has drivers for (V4L2), one picture at a time. */
export class CameraIo implements IoDevices {
  readonly #wanted: NamedChannels<CameraChannel>;
  readonly #files: KernelFiles;
  readonly #clock: Clock;
  readonly #take: TakeStill;
  /** Two at a time would find the camera busy. */
  readonly #turns = new Turns();

  constructor(wanted: readonly CameraChannel[], files: KernelFiles, clock: Clock, take: TakeStill) {
    this.#wanted = new NamedChannels(wanted);
    this.#files = files;
    this.#clock = clock;
    this.#take = take;
  }

  channels(): readonly Channel[] {
    return this.#wanted.channels();
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    const { at } = this.#wanted.find(name);
    return this.#turns.take(async () => {
      signal?.throwIfAborted();
      if (!(await this.#files.has(at.path))) throw failed(name, `there is no camera at ${at.path}`);
      return stillIn(await this.#take(at, name, signal), name);
    });
  }

  async write(name: string): Promise<void> {
    this.#wanted.find(name);
    throw notWritable(name);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#wanted.find(name);
    return watchBySample(this.#clock, (signal) => this.read(name, signal), listener);
  }
}

/** The picture from its first mark to its last: cameras pad their frames. */
function stillIn(bytes: Uint8Array, name: string): Uint8Array {
  const end = Buffer.from(bytes).lastIndexOf(Buffer.from(END));
  if (START.some((byte, at) => bytes[at] !== byte) || end < 0)
    throw failed(name, 'what the camera gave is no JPEG picture');
  const still = bytes.slice(0, end + END.length);
  if (still.byteLength <= LARGEST) return still;
  const sizes = `${formatBytes(still.byteLength)}, and an answer holds ${formatBytes(LARGEST)}`;
  throw failed(name, `the picture has ${sizes}: let the board ask for a smaller one`);
}

/** By v4l2-ctl (Debian's v4l-utils): the first frames are let go, while the camera finds the light. */
export const takeStill = (tool = 'v4l2-ctl'): TakeStill =>
  function take({ path, width, height, skip }, channel, signal) {
    const args = [
      `--device=${path}`,
      `--set-fmt-video=width=${width},height=${height},pixelformat=MJPG`,
      '--stream-mmap',
      `--stream-skip=${skip}`,
      '--stream-count=1',
      '--stream-to=-',
    ];
    const options = {
      encoding: 'buffer',
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
      maxBuffer: MOST_OUTPUT,
      env: { PATH: process.env.PATH ?? '' },
      ...(signal === undefined ? {} : { signal }),
    } as const;
    return new Promise((resolve, reject) => {
      execFile(tool, args, options, (error, stdout) => {
        if (error === null) resolve(stdout);
        else if (signal?.aborted) reject(signal.reason);
        else reject(failed(channel, whyNot(error, tool), error));
      });
    });
  };

function whyNot(error: Error & { readonly code?: unknown; readonly killed?: boolean }, tool: string): string {
  if (error.code === 'ENOENT') return `${tool} is not installed here (package v4l-utils)`;
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'the camera gave no JPEG picture';
  return error.killed === true ? 'the camera gave no picture in time' : 'the camera gave no picture';
}

const failed = (channel: string, why: string, cause?: unknown): NsError =>
  new NsError('NS_IO_FAILED', `${channel}: ${why}`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
