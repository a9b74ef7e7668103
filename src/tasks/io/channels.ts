import { allow, formatBytes, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { Channel, ChannelValue, IoDevices } from '../../ports/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import type { TaskServices } from '../services.ts';

/** The largest value that fits a receipt. */
const VALUE_BYTES = 48 * 1024;
const UART_BYTES = 4096;

/** Every channel that the board enrols, in its order. */
export function ioList(io: IoDevices): ResultOf<'io.list'> {
  return {
    channels: io.channels().map(({ name, kind, unit, readable, writable, minimum, maximum, safe }) => ({
      name,
      kind,
      unit,
      readable,
      writable,
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
      ...(safe === undefined ? {} : { safe }),
    })),
  };
}

export async function ioRead(
  io: IoDevices,
  args: ArgsOf<'io.read'>,
  signal: AbortSignal,
  contentsOf: TaskServices['contents'] = async () => undefined,
): Promise<Verdict<ResultOf<'io.read'>>> {
  const found = findReadable(io, args.channel);
  if (!found.ok) return found;
  const { name, unit } = found.value;
  const value = await io.read(name, signal);
  if (typeof value !== 'number' && value.byteLength > VALUE_BYTES) {
    throw new NsError('NS_IO_TOO_LARGE', `${name} gave ${formatBytes(value.byteLength)} at once`, {
      family: 'peer',
    });
  }
  const contents = typeof value === 'number' ? undefined : await contentsOf(found.value, value);
  return allow({ channel: name, unit, value, ...(contents === undefined ? {} : { contents }) });
}

/**
 * Writes an output within its limits, and reads it before and after where it holds a number. Where the write fails, the
 * output is brought to its safe value before the failure is told: half an output is no state to leave.
 */
export async function ioWrite(
  io: IoDevices,
  args: ArgsOf<'io.write'>,
  signal: AbortSignal,
): Promise<Verdict<ResultOf<'io.write'>>> {
  const found = findChannel(io, args.channel);
  if (!found.ok) return found;
  const channel = found.value;
  if (!channel.writable) return refuse('CHANNEL_READ_ONLY', `${channel.name} is an input.`);
  const judged = judgeValue(channel, args.value);
  if (!judged.ok) return judged;
  const head = { channel: channel.name, unit: channel.unit };
  const before = await look(io, channel, signal);
  if (args.dryRun === true)
    return allow({ ...head, ...(before === undefined ? {} : { before }), dryRun: true });
  signal.throwIfAborted();
  try {
    await io.write(channel.name, args.value, signal);
  } catch (error) {
    if (channel.safe !== undefined) await io.write(channel.name, channel.safe).catch(() => {});
    throw error;
  }
  const after = await look(io, channel, signal);
  return allow({
    ...head,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    dryRun: false,
  });
}

export function findReadable(io: IoDevices, name: string): Verdict<Channel> {
  const found = findChannel(io, name);
  if (!found.ok || found.value.readable) return found;
  return refuse('CHANNEL_WRITE_ONLY', `${name} is an output that cannot be read.`);
}

function findChannel(io: IoDevices, name: string): Verdict<Channel> {
  const channel = io.channels().find((each) => each.name === name);
  return channel
    ? allow(channel)
    : refuse('NOT_ENROLLED', `This board enrols no channel ${JSON.stringify(name)}.`);
}

function judgeValue(channel: Channel, value: ChannelValue): Verdict<void> {
  const { name, kind, unit, minimum, maximum } = channel;
  if (kind === 'uart') {
    if (typeof value === 'number') return refuse('VALUE_OUT_OF_RANGE', `${name} takes bytes, not a number.`);
    if (value.byteLength > 0 && value.byteLength <= UART_BYTES) return allow(undefined);
    return refuse('VALUE_OUT_OF_RANGE', `${name} takes 1 to ${UART_BYTES} bytes at once.`);
  }
  if (typeof value !== 'number')
    return refuse('VALUE_OUT_OF_RANGE', `${name} takes a number in ${unit}, not bytes.`);
  // An output without limits has not been thought through: nothing is within them.
  if (minimum === undefined || maximum === undefined) {
    return refuse(
      'VALUE_OUT_OF_RANGE',
      `The board gives no limits for ${name}.`,
      'Ask the board maker for its limits.',
    );
  }
  if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return allow(undefined);
  return refuse('VALUE_OUT_OF_RANGE', `${name} takes ${minimum} to ${maximum} ${unit}, not ${value}.`);
}

/** Reading bytes would take them from whoever waits for them, so only numbers are looked at. */
async function look(io: IoDevices, channel: Channel, signal: AbortSignal): Promise<number | undefined> {
  if (!channel.readable || channel.kind === 'uart') return undefined;
  const value = await io.read(channel.name, signal);
  return typeof value === 'number' ? value : undefined;
}
