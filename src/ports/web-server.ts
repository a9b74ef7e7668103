/** A request as an HTTP server on this machine gives it; headers as sent, each at most once. */
export interface WebRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: {
    readonly host: string | undefined;
    readonly origin: string | undefined;
    readonly cookie: string | undefined;
    readonly contentType: string | undefined;
    /** Sec-Fetch-Site: where the browser says that the request began. */
    readonly fetchSite: string | undefined;
  };
  readonly body: Uint8Array;
  /** Aborts when whoever asked has gone, and when the server closes. */
  readonly gone: AbortSignal;
}

export interface WebReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: WebBody;
}

export type WebBody =
  | { readonly is: 'whole'; readonly content: string | Uint8Array }
  /** Goes on until whoever reads has gone. `send` gives false when too much waits to be read: the stream is then closed. */
  | { readonly is: 'stream'; readonly begin: (send: (text: string) => boolean) => void };

export type AnswerWeb = (request: WebRequest) => Promise<WebReply>;
