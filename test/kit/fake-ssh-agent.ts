import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Answers a question, with its length in front, or does what it likes to the socket. */
export type AgentAnswer = (question: Uint8Array, socket: Socket) => Uint8Array | undefined;

/** An ssh-agent's socket with somebody else behind it. */
export async function fakeSshAgent(t: Test, answer: AgentAnswer): Promise<NodeJS.ProcessEnv> {
  const directory = mkdtempSync(join(tmpdir(), 'ns-agent-'));
  const path = join(directory, 'socket');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (question) => {
      const said = answer(new Uint8Array(question), socket);
      if (said !== undefined) socket.write(said);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });
  return { SSH_AUTH_SOCK: path };
}

export const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
export const str = (bytes: Uint8Array | string): Buffer => {
  const content = Buffer.from(bytes as Uint8Array);
  return Buffer.concat([u32(content.byteLength), content]);
};
/** A message with its length in front. */
export const message = (type: number, ...contents: readonly Uint8Array[]): Buffer =>
  str(Buffer.concat([Buffer.from([type]), ...contents]));
