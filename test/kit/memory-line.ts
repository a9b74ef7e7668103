import { utf8 } from '../../src/base/index.ts';
import type { SerialLine } from '../../src/ports/index.ts';
import { eventually } from './eventually.ts';

/** A serial line in memory, and whoever sits at its other end. It can be opened again and again. */
export class MemoryLine {
  /** All that the device has printed. */
  screen = '';
  #hear: ((bytes: Uint8Array) => void) | undefined;
  #hangUp: ((reason: string) => void) | undefined;
  #read = 0;

  readonly open = async (path: string): Promise<SerialLine> => {
    let gone: string | undefined;
    const listeners = new Set<(reason: string) => void>();
    const over = (reason: string): void => {
      gone ??= reason;
      for (const listener of listeners) listener(gone);
      listeners.clear();
    };
    this.#hangUp = over;
    return {
      name: path,
      write: (bytes) => {
        this.screen += Buffer.from(bytes).toString('latin1');
        return true;
      },
      room: async () => undefined,
      onData: (listener) => {
        this.#hear = listener;
        return () => {
          if (this.#hear === listener) this.#hear = undefined;
        };
      },
      onHangUp: (listener) => {
        if (gone === undefined) listeners.add(listener);
        else listener(gone);
        return () => listeners.delete(listener);
      },
      setBaudRate: async () => undefined,
      sendBreak: async () => undefined,
      drained: async () => undefined,
      close: async () => over('closed'),
    };
  };

  type(text: string): void {
    this.#hear?.(utf8(text));
  }

  unplug(): void {
    this.#hangUp?.('pulled');
  }

  /** What was printed since it was last asked, up to the end of the next match. */
  async expect(pattern: RegExp): Promise<string> {
    let found: RegExpExecArray | null = null;
    await eventually(() => {
      found = pattern.exec(this.screen.slice(this.#read));
      return found !== null;
    }).catch((error: unknown) => {
      throw new Error(`never printed ${String(pattern)} in: ${this.screen.slice(this.#read)}`, {
        cause: error,
      });
    });
    const { index, 0: text } = found as unknown as RegExpExecArray;
    const heard = this.screen.slice(this.#read, this.#read + index + text.length);
    this.#read += index + text.length;
    return heard;
  }
}
