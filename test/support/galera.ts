import { existsSync } from 'node:fs';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { freePort, ThrowAwayMysql } from './mysql-server.js';
import { until } from './until.js';

const PROVIDER = '/usr/lib/galera/libgalera_smm.so';
const NODES = 3;

/** A Galera cluster of three MariaDB servers on this machine, each of which accepts writes. */
export class GaleraCluster {
  private constructor(readonly nodes: readonly ThrowAwayMysql[]) {}

  /** @throws Error if Galera is not installed */
  static async start(): Promise<GaleraCluster> {
    if (!existsSync(PROVIDER)) throw new Error('no Galera: install mariadb-server, galera-4 and rsync');
    const ports = new Set<number>();
    while (ports.size < 3 * NODES) ports.add(await freePort());
    const addresses = [...ports].map((port) => `127.0.0.1:${port}`);
    const group = addresses.slice(0, NODES);
    const nodes: ThrowAwayMysql[] = [];
    try {
      for (const [n, address] of group.entries()) {
        const [increments, copies] = addresses.slice(NODES + 2 * n) as [string, string];
        const node = await ThrowAwayMysql.create([
          ...WSREP,
          `--wsrep-cluster-address=gcomm://${n === 0 ? '' : group.join(',')}`,
          ...(n === 0 ? ['--wsrep-new-cluster'] : []),
          `--wsrep-node-address=${address}`,
          `--wsrep-provider-options=gcache.size=16M;gmcast.listen_addr=tcp://${address};ist.recv_addr=${increments}`,
          `--wsrep-sst-receive-address=${copies}`,
        ]);
        if (node === undefined) throw new Error('no MariaDB: install mariadb-server, galera-4 and rsync');
        nodes.push(node);
        // Start one at a time, since a node can only send its data to one other.
        await until(async () => (await status(node, 'wsrep_ready')) === 'ON');
      }
    } catch (error) {
      await new GaleraCluster(nodes).remove();
      throw error;
    }
    return new GaleraCluster(nodes);
  }

  /** The size of the cluster as seen by each node. */
  sizes(): Promise<number[]> {
    return Promise.all(this.nodes.map(async (node) => Number(await status(node, 'wsrep_cluster_size'))));
  }

  async remove(): Promise<void> {
    for (const node of this.nodes) await node.remove();
  }
}

const WSREP = [
  '--binlog-format=ROW',
  '--innodb-autoinc-lock-mode=2',
  '--innodb-flush-log-at-trx-commit=1',
  '--wsrep-on=ON',
  `--wsrep-provider=${PROVIDER}`,
  '--wsrep-cluster-name=ipdr-test',
  '--wsrep-sst-method=rsync',
];

async function status(node: ThrowAwayMysql, name: string): Promise<unknown> {
  const connection = await createConnection(node.url);
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SHOW STATUS LIKE ?', [name]);
    return rows[0]?.['Value'] as unknown;
  } finally {
    await connection.end();
  }
}
