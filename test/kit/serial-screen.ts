import { openSerialLine } from '../../src/adapters/serial-line.ts';
import { utf8 } from '../../src/base/index.ts';
import { eventually } from './eventually.ts';

/** Somebody at the other end of a device's console, and all that was shown there. */
export interface SerialScreen {
  readonly shown: () => string;
  /** Types, and waits until what is shown from then on matches: that. */
  readonly type: (text: string, until: RegExp) => Promise<string>;
  /** Whoever comes to a console that has greeted nobody presses Return. */
  readonly greet: (prompt: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const PATIENCE = 60_000;

/** Opens a line at 9600 bits a second. */
export async function openSerialScreen(path: string): Promise<SerialScreen> {
  const line = await openSerialLine(path, { baudRate: 9600 });
  let screen = '';
  line.onData((bytes) => {
    screen += Buffer.from(bytes).toString('latin1');
  });
  return {
    shown: () => screen,
    type: async (text, until) => {
      const from = screen.length;
      line.write(utf8(text));
      await eventually(() => until.test(screen.slice(from)), PATIENCE);
      return screen.slice(from);
    },
    greet: (prompt) =>
      eventually(async () => {
        line.write(utf8('\r'));
        await new Promise((done) => setTimeout(done, 100));
        return screen.includes(prompt);
      }, PATIENCE),
    close: () => line.close(),
  };
}
