import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * When a connection is cut: before the server has the statement, after it has done it, when it has its first
 * bytes alone, or at once for the client while the server gets it only so much later.
 */
export type Moment = 'before' | 'after' | { readonly passing: number } | { readonly lateMs: number };

/** Which connection is cut, and when. */
export interface Cue {
  /** The next one that sends this, */
  readonly statement: string;
  /** after it has sent that. */
  readonly behind?: string;
  readonly when: Moment;
  /** Whether the server is away from then on. */
  readonly forGood?: boolean;
}

/** Stands between the service and its database server, to cut a connection at a chosen statement. */
export class MysqlProxy {
  private readonly server: Server = createServer((client) => this.forward(client));
  private readonly sockets = new Set<Socket>();
  /** One after the other. */
  private cues: Cue[] = [];
  private isGone = false;

  private constructor(private readonly target: URL) {}

  /** @param url of the database */
  static async to(url: string): Promise<MysqlProxy> {
    const proxy = new MysqlProxy(new URL(url));
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** Of the same database, by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.port = String((this.server.address() as { port: number }).port);
    return url.href;
  }

  /** Whether the connections were cut for which `cutAt` or `cut` was called last. */
  get hasCut(): boolean {
    return this.cues.length === 0;
  }

  /** Cuts the next connection that sends `statement`: before the server has it, or after it has done it. */
  cutAt(statement: string, when: 'before' | 'after'): void {
    this.cut({ statement, when });
  }

  /** Cuts connections, one after the other; cues given before are forgotten. */
  cut(...cues: Cue[]): void {
    this.cues = cues;
  }

  /** Lets nothing through in either direction, and tells nobody, as a firewall that forgot its connections. */
  isSilent = false;

  /** Ends all connections, and whatever comes. */
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
