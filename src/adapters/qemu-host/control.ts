import * as v from 'valibot';
import { NsError, shapeConfig } from '../../base/index.ts';
import type { HostControl } from '../../ports/index.ts';
import { type ControlSocket, openControlSocket } from '../control-socket.ts';
import type { RunState } from './run-state.ts';
import type { WakeGuard } from './wake-guard.ts';

/** Every command has exactly one of these keys. */
const COMMANDS = {
  get: v.strictObject({ get: v.literal('state') }),
  press: v.strictObject({ press: v.literal('power') }),
  wake: v.strictObject({ wake: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) }),
} as const;

export interface QemuHostButtons {
  readonly runState: RunState;
  readonly guard: WakeGuard;
  readonly control: HostControl;
}

export type Pressed = 'pressed' | 'asked' | 'ignored';

type Answer = Readonly<Record<string, unknown>>;

/** Obeys a hand at the machine. Throws NS_CONTROL_INVALID, or NS_CONFIG_INVALID with what is wrong in the command. */
async function obeyHand(parts: QemuHostButtons, command: unknown): Promise<Answer> {
  const { runState, guard } = parts;
  const key = typeof command === 'object' && command !== null ? Object.keys(command)[0] : undefined;
  switch (key) {
    case 'get':
      shapeConfig(COMMANDS.get, command, 'control');
      return { qemu: await runState.read(), masked: await guard.powerOnMasked() };
    case 'press':
      shapeConfig(COMMANDS.press, command, 'control');
      return { result: await pressButton(parts) };
    case 'wake':
      return { asked: await guard.ask(shapeConfig(COMMANDS.wake, command, 'control').wake) };
    default:
      throw new NsError(
        'NS_CONTROL_INVALID',
        `a command is an object with one of ${Object.keys(COMMANDS).join(', ')}`,
        { family: 'caller' },
      );
  }
}

/** A host that is on hears of it by ACPI; one that is down asks to wake. */
export async function pressButton({ runState, guard, control }: QemuHostButtons): Promise<Pressed> {
  if ((await runState.read()) !== 'running') return (await guard.ask('power button')) ? 'asked' : 'ignored';
  await control.drive('soft', new AbortController().signal);
  return 'pressed';
}

/** Offers the power button on a control socket. */
export function openQemuHostControl(parts: QemuHostButtons, path: string): Promise<ControlSocket> {
  return openControlSocket(path, (command) => obeyHand(parts, command));
}
