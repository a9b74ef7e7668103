/** One stretch of time in a trace. Times in milliseconds since 1970. */
export interface Span {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly name: string;
  /** Whose work it was. The device's is derived from its receipt: the device itself exports nothing. */
  readonly by: 'operator' | 'device';
  readonly device: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly events: readonly { readonly name: string; readonly at: number }[];
  readonly failed: boolean;
}
