/** Algorithm numbers of a suite (IPMI 2.0, tables 13-17, -18, -19). */
export interface CipherSuite {
  readonly id: number;
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
  readonly hash: 'sha1' | 'sha256';
  /** Bytes of a packet's integrity code, and of RAKP 4's. */
  readonly codeSize: number;
}

/** The only suites spoken here: both have authentication, integrity and encryption. All others are refused. */
export const CIPHER_SUITES = {
  3: { id: 3, authentication: 1, integrity: 1, confidentiality: 1, hash: 'sha1', codeSize: 12 },
  17: { id: 17, authentication: 3, integrity: 4, confidentiality: 1, hash: 'sha256', codeSize: 16 },
} as const satisfies Readonly<Record<number, CipherSuite>>;

export type CipherSuiteId = keyof typeof CIPHER_SUITES;

/** The suite with exactly these three algorithms; a mix of two suites is none. */
export function suiteOf(
  authentication: number,
  integrity: number,
  confidentiality: number,
): CipherSuite | undefined {
  return Object.values(CIPHER_SUITES).find(
    (suite) =>
      suite.authentication === authentication &&
      suite.integrity === integrity &&
      suite.confidentiality === confidentiality,
  );
}
