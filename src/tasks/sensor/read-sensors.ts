import { asNsError, orAborted, seconds } from '../../base/index.ts';
import type { Channel, ChannelKind, Clock, IoDevices } from '../../ports/index.ts';
import { MOST_SENSORS, type ResultOf } from '../../protocol/index.ts';

type Sensor = ResultOf<'sensor.read'>['sensors'][number];

/** What gives a number at any time, and loses nothing by being read: bytes of a UART would be taken from whoever waits for them. */
const MEASURES: readonly ChannelKind[] = ['temperature', 'voltage', 'fan', 'gpio', 'led', 'watchdog'];
/** One that hangs keeps the others from nobody. */
const LIMIT = seconds(3);
const FAULT = 200;

/** Every sensor that the board enrols, all at once; one that fails, or is silent, is in the answer with why. */
export async function readSensors(
  io: IoDevices,
  clock: Clock,
  signal: AbortSignal,
): Promise<ResultOf<'sensor.read'>> {
  const sensors = io.channels().filter(({ kind, readable }) => readable && MEASURES.includes(kind));
  const asked = sensors.slice(0, MOST_SENSORS);
  return {
    sensors: await Promise.all(asked.map((channel) => readOne(io, clock, channel, signal))),
    left: sensors.length - asked.length,
  };
}

async function readOne(
  io: IoDevices,
  clock: Clock,
  { name, kind, unit, low, high }: Channel,
  signal: AbortSignal,
): Promise<Sensor> {
  const about = {
    name,
    kind,
    unit,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
  };
  const deadline = clock.deadline(LIMIT, name);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    const value = await orAborted(io.read(name, either), either);
    if (typeof value === 'number' && Number.isSafeInteger(value)) return { ...about, value };
    return { ...about, fault: 'it gave no whole number' };
  } catch (error) {
    signal.throwIfAborted();
    return { ...about, fault: asNsError(error).message.slice(0, FAULT) };
  } finally {
    deadline.release();
  }
}
