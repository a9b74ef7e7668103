import { connect } from 'node:net';
import { concatBytes, type Duration, formatDuration } from '../../base/index.ts';
import { agentFault, LARGEST_MESSAGE } from './wire.ts';

const LENGTH_BYTES = 4;

/**
 * One question to the agent at this socket, and its answer without the length in front. NS_KEY_AGENT where nobody is
 * there, where the answer does not come in time, is too large, or breaks off.
 */
export function askAgent(
  path: string,
  question: Uint8Array,
  patience: Duration,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = connect(path);
    let had: Uint8Array = new Uint8Array(0);
    const end = (result: Uint8Array | Error): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const aborted = (): void => end(signal?.reason as Error);
    const timer = setTimeout(
      () => end(agentFault(`it did not answer within ${formatDuration(patience)}`)),
      patience,
    );
    signal?.addEventListener('abort', aborted, { once: true });
    socket.on('error', (cause) => end(agentFault(`${path} cannot be reached: ${cause.message}`, cause)));
    socket.on('close', () => end(agentFault('it closed the connection without a whole answer')));
    socket.on('data', (chunk) => {
      had = concatBytes(had, chunk);
      if (had.byteLength < LENGTH_BYTES) return;
      const length = new DataView(had.buffer, had.byteOffset, LENGTH_BYTES).getUint32(0);
      if (length === 0 || length > LARGEST_MESSAGE) {
        end(agentFault(`its answer makes no sense: ${length} bytes`));
      } else if (had.byteLength > LENGTH_BYTES + length) {
        end(agentFault('its answer makes no sense: more than one'));
      } else if (had.byteLength === LENGTH_BYTES + length) end(had.subarray(LENGTH_BYTES));
    });
    socket.write(question);
  });
}
