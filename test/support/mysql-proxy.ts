import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * When a connection is cut: before the server receives the statement, after it has run it, after its first bytes, or
 * at once for the client while the server receives it later.
 */
export type Moment = 'before' | 'after' | { readonly passing: number } | { readonly lateMs: number };

/** Which connection is cut, and when. */
export interface Cue {
  /** The next connection that sends this statement is cut, */
  readonly statement: string;
  /** if it has sent this one before. */
  readonly behind?: string;
  readonly when: Moment;
  /** Whether the server stays unreachable. */
  readonly forGood?: boolean;
}

/** A proxy between the service and its database server that cuts connections at chosen statements. */
export class MysqlProxy {
  private readonly server: Server = createServer((client) => this.forward(client));
  private readonly sockets = new Set<Socket>();
  /** Handled one after the other. */
  private cues: Cue[] = [];
  private isGone = false;

  private constructor(private readonly target: URL) {}

  /** Starts a proxy. @param url of the database */
  static async to(url: string): Promise<MysqlProxy> {
    const proxy = new MysqlProxy(new URL(url));
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** The URL of the database by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.port = String((this.server.address() as { port: number }).port);
    return url.href;
  }

  /** Whether all connections of the last `cutAt` or `cut` have been cut. */
  get hasCut(): boolean {
    return this.cues.length === 0;
  }

  /** Cuts the next connection that sends `statement`, before the server receives it or after it has run it. */
  cutAt(statement: string, when: 'before' | 'after'): void {
    this.cut({ statement, when });
  }

  /** Cuts connections, one after the other. Replaces earlier cues. */
  cut(...cues: Cue[]): void {
    this.cues = cues;
  }

  /** Silently drops everything in both directions, like a firewall that has dropped its connections. */
  isSilent = false;

  /** Closes all current and new connections. */
  get isAway(): boolean {
    return this.isGone;
  }
  set isAway(isAway: boolean) {
    this.isGone = isAway;
    if (isAway) for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private forward(client: Socket): void {
    if (this.isAway) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const server = connect(Number(this.target.port), this.target.hostname);
    let isLate = false;
    const cut = (): void => {
      client.destroy();
      if (!isLate) server.destroy();
    };
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        this.sockets.delete(socket);
        cut();
      });
    }
    const sent = new Set<Cue>();
    let answered = (bytes: Buffer): unknown => client.write(bytes);
    server.on('data', (bytes) => this.isSilent || answered(bytes));
    client.on('data', (bytes) => {
      if (this.isSilent) return;
      for (const cue of this.cues) {
        if (cue.behind === undefined || bytes.includes(cue.behind)) sent.add(cue);
      }
      const [cue] = this.cues;
      if (cue === undefined || !sent.has(cue) || !bytes.includes(cue.statement)) {
        server.write(bytes);
        return;
      }
      this.cues.shift();
      const end = (): void => {
        cut();
        if (cue.forGood === true) this.isAway = true;
      };
      if (cue.when === 'before') {
        end();
      } else if (cue.when === 'after') {
        answered = end;
        server.write(bytes);
      } else if ('passing' in cue.when) {
        server.write(bytes.subarray(0, cue.when.passing), end);
      } else {
        isLate = true;
        answered = () => undefined;
        setTimeout(() => server.end(bytes), cue.when.lateMs);
        end();
      }
    });
  }
}
