import * as v from 'valibot';
import { NsError, shapeConfig } from '../../base/index.ts';
import { type ControlSocket, openControlSocket } from '../control-socket.ts';
import { memoryFault } from './config.ts';
import { SimDriveLock } from './drive-bay.ts';
import type { SimMachine } from './machine.ts';

const disk = v.pipe(v.string(), v.maxLength(64));
const state = v.picklist(['S0', 'S3', 'S4', 'S5', 'G3', 'unknown']);
/** A member of a chain, counted from the host. */
const place = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(63));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Every command has exactly one of these keys. */
const COMMANDS = {
  get: v.strictObject({ get: v.literal('state') }),
  set: v.strictObject({ set: state }),
  press: v.strictObject({ press: v.literal('power') }),
  wake: v.strictObject({ wake: v.pipe(v.string(), v.maxLength(64)) }),
  cutAtWrite: v.strictObject({ cutAtWrite: v.nullable(v.pipe(count, v.minValue(1))) }),
  fault: v.strictObject({
    fault: v.union([
      v.strictObject({ switch: v.picklist(['none', 'stuck', 'deaf']), disk }),
      v.strictObject({ badSector: count, disk }),
      v.strictObject({ memory: memoryFault, slot: v.pipe(v.string(), v.maxLength(64)) }),
    ]),
  }),
  chain: v.strictObject({
    chain: v.union([
      v.strictObject({ pull: place, disk }),
      v.strictObject({ plug: place, disk }),
      v.strictObject({ kill: place, disk }),
      v.strictObject({ revive: place, disk }),
      v.strictObject({ cutPower: v.literal(true), disk }),
    ]),
  }),
  drive: v.strictObject({
    drive: v.union([
      v.strictObject({ powerCycle: v.literal(true), disk }),
      v.strictObject({ freeze: v.literal(true), disk }),
      v.strictObject({ insert: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,20}$/)), disk }),
    ]),
  }),
  io: v.strictObject({
    io: v.strictObject({
      channel: v.pipe(v.string(), v.maxLength(64)),
      value: v.optional(v.pipe(v.number(), v.safeInteger())),
      failing: v.optional(v.boolean()),
    }),
  }),
} as const;

type Answer = Readonly<Record<string, unknown>>;

/** Turns one knob. Throws NS_CONTROL_INVALID, or NS_CONFIG_INVALID with what is wrong in the command. */
export async function turnKnob(machine: SimMachine, command: unknown): Promise<Answer> {
  const key = typeof command === 'object' && command !== null ? Object.keys(command)[0] : undefined;
  switch (key) {
    case 'get':
      shapeConfig(COMMANDS.get, command, 'control');
      return {
        state: machine.host.state,
        drives: Object.fromEntries(machine.drives.map((drive) => [drive.disk, drive.at])),
        writes: machine.power.writes,
      };
    case 'set':
      machine.host.set(shapeConfig(COMMANDS.set, command, 'control').set, 'control');
      return { state: machine.host.state };
    case 'press':
      shapeConfig(COMMANDS.press, command, 'control');
      return { result: machine.host.press() };
    case 'wake':
      return { asked: machine.host.wake(shapeConfig(COMMANDS.wake, command, 'control').wake) };
    case 'cutAtWrite':
      machine.power.cutAtWrite(shapeConfig(COMMANDS.cutAtWrite, command, 'control').cutAtWrite ?? undefined);
      return { writes: machine.power.writes };
    case 'fault':
      return breakSomething(machine, shapeConfig(COMMANDS.fault, command, 'control').fault);
    case 'chain':
      return handleChain(machine, shapeConfig(COMMANDS.chain, command, 'control').chain);
    case 'drive':
      return handleDrive(machine, shapeConfig(COMMANDS.drive, command, 'control').drive);
    case 'io':
      return moveChannel(machine, shapeConfig(COMMANDS.io, command, 'control').io);
    default:
      throw new NsError(
        'NS_CONTROL_INVALID',
        `a command is an object with one of ${Object.keys(COMMANDS).join(', ')}`,
        {
          family: 'caller',
        },
      );
  }
}

function breakSomething(machine: SimMachine, fault: v.InferOutput<typeof COMMANDS.fault>['fault']): Answer {
  if ('memory' in fault) machine.memory.addFault(fault.slot, fault.memory);
  else if ('badSector' in fault) machine.addBadSector(fault.disk, fault.badSector);
  else {
    const drive = machine.drive(fault.disk);
    if (!drive) throw new NsError('NS_CONTROL_INVALID', `there is no ${fault.disk}`, { family: 'caller' });
    drive.setFault(fault.switch === 'none' ? undefined : fault.switch);
  }
  return {};
}

/** What a hand can do to a chain: pull and plug drives, or all its power; and what drives do by themselves. */
async function handleChain(
  machine: SimMachine,
  command: v.InferOutput<typeof COMMANDS.chain>['chain'],
): Promise<Answer> {
  const chain = machine.chains.find(({ disk }) => disk === command.disk);
  if (!chain) throw new NsError('NS_CONTROL_INVALID', `${command.disk} is no chain`, { family: 'caller' });
  if ('cutPower' in command) await chain.chain.loseAndRegainPower();
  else if ('kill' in command) chain.kill(command.kill, true);
  else if ('revive' in command) chain.kill(command.revive, false);
  else {
    const there = 'pull' in command ? chain.chain.pull(command.pull) : chain.chain.plug(command.plug);
    if (!there)
      throw new NsError('NS_CONTROL_INVALID', `${command.disk} has no such member`, { family: 'caller' });
  }
  return { at: chain.at };
}

/** What a hand, or the firmware of the host, does to a drive. */
function handleDrive(machine: SimMachine, command: v.InferOutput<typeof COMMANDS.drive>['drive']): Answer {
  const bay = machine.bay(command.disk);
  if (!bay)
    throw new NsError('NS_CONTROL_INVALID', `${command.disk} is no drive by itself`, { family: 'caller' });
  if ('insert' in command) bay.insert(new SimDriveLock(command.insert));
  else if ('freeze' in command) bay.drive?.freeze();
  else bay.drive?.powerOn();
  const { user, locked, frozen } = bay.drive?.state ?? {};
  return { serial: bay.drive?.serial, enabled: user !== undefined, locked, frozen };
}

function moveChannel(machine: SimMachine, io: v.InferOutput<typeof COMMANDS.io>['io']): Answer {
  if (io.value !== undefined) machine.io.force(io.channel, io.value);
  if (io.failing !== undefined) machine.io.setFailing(io.channel, io.failing);
  return {};
}

/** Offers the knobs on a control socket. */
export function openSimControl(machine: SimMachine, path: string): Promise<ControlSocket> {
  return openControlSocket(path, async (command) => turnKnob(machine, command));
}
