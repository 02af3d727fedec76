import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between the service and its database server, to cut a connection at a chosen statement. */
export class MysqlProxy {
  private readonly server: Server = createServer((client) => this.forward(client));
  private readonly sockets = new Set<Socket>();
  private cue: { statement: string; when: 'before' | 'after' } | undefined;

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

  /** Whether the connection was cut for which `cutAt` was called last. */
  get hasCut(): boolean {
    return this.cue === undefined;
  }

  /** Cuts the next connection that sends `statement`: before the server has it, or after it has done it. */
  cutAt(statement: string, when: 'before' | 'after'): void {
    this.cue = { statement, when };
  }

  /** Lets nothing through in either direction, and tells nobody, as a firewall that forgot its connections. */
  isSilent = false;

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private forward(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const cut = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', cut).on('close', cut);
    }
    let answered = (bytes: Buffer): unknown => client.write(bytes);
    server.on('data', (bytes) => this.isSilent || answered(bytes));
    client.on('data', (bytes) => {
      if (this.isSilent) return;
      const { cue } = this;
      if (cue === undefined || !bytes.includes(cue.statement)) {
        server.write(bytes);
        return;
      }
      this.cue = undefined;
      if (cue.when === 'before') {
        cut();
        return;
      }
      answered = cut;
      server.write(bytes);
    });
  }
}
