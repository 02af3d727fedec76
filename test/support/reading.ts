import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { asHeaders } from './callers.js';
import type { Client } from './client.js';

/** A response that the test reads at its own pace. */
export class Reading {
  /** undefined until the response begins. */
  status: number | undefined;
  private readonly request: ClientRequest;
  private readonly response: Promise<IncomingMessage>;

  /** Requests a list. */
  constructor(client: Client, path: string) {
    const headers = asHeaders({ api_token: client.tokens.user, username: 'user' });
    this.request = request(`${client.url}${path}`, { headers, agent: false }).end();
    this.response = once(this.request, 'response').then(([response]: IncomingMessage[]) => {
      this.status = response?.statusCode;
      return response as IncomingMessage;
    });
    this.response.catch(() => undefined); // nobody awaits it after `abandon`
  }

  /** Waits for the first bytes without reading them. */
  async begun(): Promise<void> {
    const response = await this.response;
    if (response.readableLength === 0) await once(response, 'readable');
  }

  /** Reads to the end. @throws Error if the response was cut off */
  async rest(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  /** Disconnects. */
  abandon(): void {
    this.request.destroy();
  }
}
