import { lstat, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import * as v from 'valibot';
import { asNsError, NsError, shapeConfig } from '../../base/index.ts';
import { memoryFault } from './config.ts';
import type { SimMachine } from './machine.ts';

const LONGEST_LINE = 4096;
const CONNECTIONS = 8;

const disk = v.pipe(v.string(), v.maxLength(64));
const state = v.picklist(['S0', 'S3', 'S4', 'S5', 'G3', 'unknown']);
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
  io: v.strictObject({
    io: v.strictObject({
      channel: v.pipe(v.string(), v.maxLength(64)),
      value: v.optional(v.pipe(v.number(), v.safeInteger())),
      failing: v.optional(v.boolean()),
    }),
  }),
} as const;

type Answer = Record<string, unknown>;

/** Turns one knob. Throws NS_CONTROL_INVALID, or NS_CONFIG_INVALID with what is wrong in the command. */
export function turnKnob(machine: SimMachine, command: unknown): Answer {
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

function moveChannel(machine: SimMachine, io: v.InferOutput<typeof COMMANDS.io>['io']): Answer {
  if (io.value !== undefined) machine.io.force(io.channel, io.value);
  if (io.failing !== undefined) machine.io.setFailing(io.channel, io.failing);
  return {};
}

export interface SimControl {
  close(): Promise<void>;
}

/**
 * Listens on a unix socket of mode 0600 for commands, one JSON object a line, each answered by one line. A line longer
 * than 4096 bytes ends its connection.
 */
export async function openSimControl(machine: SimMachine, path: string): Promise<SimControl> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(machine, socket);
  });
  server.maxConnections = CONNECTIONS;
  await clearOldSocket(path);
  const mask = process.umask(0o177);
  try {
    await listen(server, path);
  } finally {
    process.umask(mask);
  }
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/** A socket left by a run that was killed; anything else at this path is not ours to remove. */
async function clearOldSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket())
    throw new NsError('NS_CONTROL_SOCKET', `${path} is there and no socket`, { family: 'caller' });
  await rm(path, { force: true });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new NsError('NS_CONTROL_SOCKET', error.message, { cause: error })),
    );
    server.listen(path, resolve);
  });
}

function serve(machine: SimMachine, socket: Socket): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line.length > LONGEST_LINE) break;
      if (line.trim() !== '') socket.write(`${JSON.stringify(answer(machine, line))}\n`);
    }
    if (rest.length > LONGEST_LINE)
      socket.end(`${JSON.stringify({ ok: false, error: 'the line is too long' })}\n`);
  });
}

function answer(machine: SimMachine, line: string): Answer {
  try {
    return { ok: true, ...turnKnob(machine, parseJson(line)) };
  } catch (error) {
    return { ok: false, error: asNsError(error, 'NS_CONTROL_INVALID').message };
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new NsError('NS_CONTROL_INVALID', 'the line is not JSON', { family: 'caller', cause: error });
  }
}
