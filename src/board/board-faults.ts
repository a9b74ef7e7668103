import type { ChannelPlace } from './channel-place.ts';
import type { EnrolledChannel } from './channels.ts';
import type { BoardDescription } from './description.ts';
import { type GpioLine, lineKey } from './gpio-line.ts';

/** A use of a line, and who has it. */
export interface LineUse {
  readonly by: string;
  readonly line: GpioLine;
}

/** Which place a channel of each kind can have. */
const PLACES: Readonly<Record<EnrolledChannel['kind'], readonly string[]>> = {
  gpio: ['gpio'],
  temperature: ['hwmon'],
  voltage: ['hwmon'],
  fan: ['hwmon'],
  pwm: ['pwm'],
  i2c: ['i2c'],
  led: ['led', 'gpio'],
  eeprom: ['eeprom'],
  watchdog: [],
  uart: ['uart'],
  camera: ['camera'],
  gnss: ['gnss'],
};

/** Every line that the board uses for something, in the order of the file. */
export function lineUses(board: Pick<BoardDescription, 'channels' | 'host'>): LineUse[] {
  const { signals = [], buttons = {}, disks = [] } = board.host ?? {};
  return [
    ...board.channels.flatMap(({ name, at }) =>
      at?.on === 'gpio' ? [{ by: `channel ${name}`, line: at }] : [],
    ),
    ...signals.map(({ signal, gpio }) => ({ by: `signal ${signal}`, line: gpio })),
    ...Object.entries(buttons).flatMap(([name, line]) =>
      line === undefined ? [] : [{ by: `button ${name}`, line }],
    ),
    ...disks.flatMap(({ name, switch: line }) =>
      line === undefined ? [] : [{ by: `switch of ${name}`, line }],
    ),
  ];
}

/** What one part of a description says against another, a sentence each: nothing where it holds together. */
export function boardFaults(board: BoardDescription): string[] {
  return [...lineFaults(board), ...channelFaults(board), ...busFaults(board), ...adapterFaults(board)];
}

function lineFaults(board: BoardDescription): string[] {
  const faults: string[] = [];
  const chips = new Map(board.gpio?.chips.map(({ label, lines }) => [label, lines]));
  const reserved = new Map(board.gpio?.reserved.map((line) => [lineKey(line), line.why]));
  const taken = new Map<string, string>();
  for (const { by, line } of lineUses(board)) {
    const where = `line ${line.offset} of ${line.chip}`;
    const lines = chips.get(line.chip);
    if (lines === undefined) faults.push(`${by}: there is no chip ${line.chip} in gpio.chips`);
    else if (line.offset >= lines) faults.push(`${by}: ${where}, which has ${lines} lines`);
    const why = reserved.get(lineKey(line));
    if (why !== undefined) faults.push(`${by}: ${where} is reserved (${why})`);
    for (const key of [lineKey(line), ...(line.line === undefined ? [] : [`${line.chip} ${line.line}`])]) {
      const other = taken.get(key);
      if (other !== undefined && other !== by) faults.push(`${by}: ${where} is already ${other}`);
      taken.set(key, by);
    }
  }
  return [...new Set(faults)];
}

const WRITABLE: readonly string[] = ['gpio', 'led', 'uart', 'pwm'];

function channelFaults({ adapter, channels }: BoardDescription): string[] {
  return channels.flatMap((channel) => {
    const { name, kind, at, writable, unit, holds } = channel;
    if (holds !== undefined && kind !== 'eeprom') return [`channel ${name}: only an eeprom holds ${holds}`];
    if (at === undefined) return adapter === 'linux' ? [`channel ${name} says not where it is ("at")`] : [];
    if (!PLACES[kind].includes(at.on)) return [`channel ${name}: a ${kind} cannot be on ${at.on}`];
    if (writable && !WRITABLE.includes(at.on))
      return [`channel ${name}: what is on ${at.on} cannot be written`];
    const expected = UNITS[kind];
    if (at.on === 'pwm') return pwmFaults(channel, at);
    return expected === undefined || expected === unit
      ? []
      : [`channel ${name}: a ${kind} is told in ${expected}`];
  });
}

/** Nobody brings a fan to a stop by an order, and a write that fails leaves none standing. */
function pwmFaults(
  { name, unit, minimum, maximum = 0, safe }: EnrolledChannel,
  { automatic, slowest }: Extract<ChannelPlace, { readonly on: 'pwm' }>,
): string[] {
  const least = automatic === undefined ? slowest : 0;
  const isSafe = safe !== undefined && (safe >= slowest || (safe === 0 && automatic !== undefined));
  return [
    ...(unit === '%' ? [] : [`channel ${name}: a pwm is told in %`]),
    ...(minimum === least && maximum >= slowest && maximum <= 100
      ? []
      : [`channel ${name} takes ${least} (${least === 0 ? 'automatic' : 'its slowest'}) to 100 % at most`]),
    ...(isSafe ? [] : [`channel ${name} needs a safe value that turns the fan`]),
  ];
}

const UNITS: Readonly<Partial<Record<EnrolledChannel['kind'], EnrolledChannel['unit']>>> = {
  gpio: 'state',
  temperature: 'm°C',
  voltage: 'mV',
  fan: 'rpm',
  pwm: '%',
  i2c: 'bytes',
  led: 'state',
  eeprom: 'bytes',
  uart: 'bytes',
  camera: 'jpeg',
  gnss: 'nmea',
};

function busFaults({ i2c = [], uarts = [], channels }: BoardDescription): string[] {
  const chips = new Set(
    channels.flatMap(({ at }) => (at?.on === 'eeprom' ? [`${at.bus}:${at.address}`] : [])),
  );
  return [
    ...channels.flatMap(({ name, at }) =>
      at?.on === 'i2c' && chips.has(`${at.bus}:${at.address}`)
        ? [`channel ${name}: at 0x${at.address.toString(16)} of I2C bus ${at.bus} is a memory`]
        : [],
    ),
    ...twice(i2c.map(({ bus, address }) => `address 0x${address.toString(16)} of I2C bus ${bus}`)),
    ...twice(uarts.map(({ path }) => path)),
    ...twice(
      channels.flatMap(({ at }) =>
        at?.on === 'uart' || at?.on === 'gnss' || at?.on === 'camera'
          ? [`${at.path} among the channels`]
          : [],
      ),
    ),
    ...twice(uarts.map(({ name }) => `UART ${name}`)),
  ];
}

function adapterFaults(board: BoardDescription): string[] {
  const { adapter, processor, host, compatible } = board;
  const faults: string[] = [];
  if (adapter === 'none' && processor?.node !== undefined)
    faults.push('Node runs on a board whose adapter is "none"');
  if (adapter === 'linux' && processor?.node === undefined)
    faults.push('the adapter "linux" needs a processor with a version of Node');
  if (adapter === 'linux' && host === undefined) faults.push('the adapter "linux" needs a section "host"');
  if (adapter === 'linux' && compatible === undefined)
    faults.push('the adapter "linux" needs "compatible", by which the machine is recognised');
  return faults;
}

function twice(keys: readonly string[]): string[] {
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))].map(
    (key) => `${key} is there twice`,
  );
}
