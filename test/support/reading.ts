import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { asHeaders } from './callers.js';
import type { Client } from './client.js';

/** An answer that is read as fast or as slowly as the test wants. */
export class Reading {
  /** Undefined until it is answered. */
  status: number | undefined;
  private readonly request: ClientRequest;
  private readonly response: Promise<IncomingMessage>;

  /** Asks for a list. */
  constructor(client: Client, path: string) {
    const headers = asHeaders({ api_token: client.tokens.user, username: 'user' });
    this.request = request(`${client.url}${path}`, { headers, agent: false }).end();
    this.response = once(this.request, 'response').then(([response]: IncomingMessage[]) => {
      this.status = response?.statusCode;
      return response as IncomingMessage;
    });
    this.response.catch(() => undefined); // after `abandon`, nobody asks
  }

  /** Waits for the first bytes, and reads no more of them than arrive by themselves. */
  async begun(): Promise<void> {
    const response = await this.response;
    if (response.readableLength === 0) await once(response, 'readable');
  }

  /** Reads to the end. @throws Error if the answer was cut off */
  async rest(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  /** Hangs up. */
  abandon(): void {
    this.request.destroy();
  }
}
