import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { type ListenAddress, readListenAddress } from '../../adapters/metrics/listen-address.ts';
import { asNsError, NsError, sentenceOf, shapeConfig } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';
import type { AgentConfig } from './config.ts';
import { secretIn } from './secret.ts';

const file = v.pipe(v.string(), v.minLength(1));

/** Off where it is not here. */
const schema = v.strictObject({
  metrics: v.strictObject({
    /** An address in digits and a port. */
    listen: v.optional(v.string(), '127.0.0.1:9460'),
    /** First line is what whoever asks must send as a bearer token. */
    tokenFile: v.optional(file),
    tls: v.optional(v.strictObject({ cert: file, key: file })),
  }),
});

export interface MetricsConfig {
  readonly address: ListenAddress;
  readonly token?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

const SHORTEST_TOKEN = 16;

function invalid(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller', cause });
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw invalid(`${path} cannot be read: ${sentenceOf(cause)}`, cause);
  }
}

/**
 * The section `metrics`, with the files that it names. Who listens for other machines asks for a token: whether an order came, and
 * when a disk was taken, is nobody's business. NS_CONFIG_INVALID.
 */
export async function readMetricsConfig(
  { base, metrics }: Pick<AgentConfig, 'base' | 'metrics'>,
  log: LogSink,
): Promise<MetricsConfig> {
  const { listen, tokenFile, tls } = shapeConfig(schema, { metrics }, 'the configuration').metrics;
  let address: ListenAddress;
  try {
    address = readListenAddress(listen);
  } catch (error) {
    throw invalid(`"metrics.listen": ${asNsError(error).sentence}`, error);
  }
  if (!address.loopback && tokenFile === undefined) {
    throw invalid('"metrics.listen" is not on the loopback: "metrics.tokenFile" is missing');
  }
  const token = tokenFile === undefined ? undefined : await secretIn(resolve(base, tokenFile), log);
  if (token !== undefined && !/^\S{16,256}$/.test(token)) {
    throw invalid(
      `"metrics.tokenFile": the token is not ${SHORTEST_TOKEN} to 256 characters without a space`,
    );
  }
  return {
    address,
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined
      ? {}
      : { tls: { cert: await textOf(resolve(base, tls.cert)), key: await textOf(resolve(base, tls.key)) } }),
  };
}
