import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface Call {
  /** Members of the JSON body besides the caller's credentials. */
  readonly body?: object;
  /** The raw body, sent without credentials. */
  readonly raw?: string | Buffer | Readable;
  readonly headers?: Record<string, string | string[]>;
}

export interface Tokens {
  readonly admin: string;
  readonly user: string;
}

/** Sends requests to a service under test. */
export class Client {
  private readonly agent = new Agent({ connections: 64 });

  constructor(
    readonly url: string,
    readonly tokens: Tokens,
  ) {}

  /** Sends a request as `user`, in the context `default`. */
  call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const credentials = { api_token: this.tokens.user, username: 'user', contextname: 'default' };
    return this.callAs(credentials, method, path, call);
  }

  admin(method: string, path: string, call: Call = {}): Promise<Answer> {
    return this.callAs({ api_token: this.tokens.admin, username: 'admin' }, method, path, call);
  }

  async callAs(
    credentials: Record<string, unknown>,
    method: string,
    path: string,
    call: Call = {},
  ): Promise<Answer> {
    const {
      statusCode,
      headers,
      body: answer,
    } = await this.agent.request({
      origin: this.url,
      path, // unchanged: a URL would resolve `..`
      method,
      headers: { 'content-type': 'application/json', ...call.headers },
      body: call.raw ?? JSON.stringify({ ...credentials, ...call.body }),
      reset: false, // by default, a GET with a body closes the connection
    });
    const text = await answer.text();
    return {
      status: statusCode,
      headers,
      text,
      get json() {
        return JSON.parse(text) as unknown;
      },
    };
  }

  /** Closes the connections. */
  protected close(): Promise<void> {
    return this.agent.close();
  }
}
