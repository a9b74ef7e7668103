import type { PowerState } from '../ports/index.ts';
import { fold } from './paper.ts';
import type { ConsoleCommand } from './session.ts';

/** What "status" tells: nothing that a thief at the console must not know. */
export interface ConsoleStatus {
  readonly device: string;
  readonly lock: { readonly state: 'enabled' | 'disabled'; readonly version: number };
  readonly power: PowerState;
  readonly network: boolean;
  /** Whether a challenge waits for its answers. */
  readonly challenged: boolean;
}

export function statusCommand(read: () => Promise<ConsoleStatus>): ConsoleCommand {
  return {
    name: 'status',
    says: 'how this machine stands',
    run: async (talk) => {
      const { device, lock, power, network, challenged } = await read();
      const locked = lock.state === 'disabled';
      talk.print(`device:   ${device}`);
      talk.print(`lock:     ${locked ? 'DISABLED' : 'enabled'} (version ${lock.version})`);
      talk.print(`power:    ${power}`);
      talk.print(`network:  ${network ? 'connected to the broker' : 'no broker'}`);
      if (challenged) talk.print('release:  a challenge waits for its answers; see "unlock"');
      else if (locked) talk.print('release:  two people can, also without a network; see "unlock"');
    },
  };
}

/** The session's own. */
const EXIT = { name: 'exit', says: 'leave this console' } as const;

export function helpCommand(commands: () => readonly ConsoleCommand[]): ConsoleCommand {
  return {
    name: 'help',
    says: 'this list; "help COMMAND" tells more of one',
    usage: 'help [COMMAND]',
    complete: () => commands().map(({ name }) => name),
    run: async (talk, [asked]) => {
      const all: readonly Omit<ConsoleCommand, 'run'>[] = [...commands(), EXIT];
      if (asked !== undefined) {
        const found = all.find(({ name }) => name === asked.toLowerCase());
        if (found === undefined) talk.say(`There is no command "${asked}". "help" lists them.`);
        else {
          for (const line of fold(found.usage ?? found.name, talk.terminal.columns)) talk.print(line);
          talk.say(found.says, '  ');
          for (const sentence of found.details ?? []) talk.say(sentence, '  ');
        }
        return;
      }
      for (const { name, says } of all) talk.print(`${name.padEnd(9)} ${says}`);
      talk.print('Ctrl-C leaves whatever was begun.');
    },
  };
}
