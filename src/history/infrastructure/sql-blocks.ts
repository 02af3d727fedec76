import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { Blocks } from '../application/blocks.js';
import type { Head } from '../domain/audit-chain.js';

@Injectable()
export class SqlBlocks extends Blocks {
  constructor(private readonly database: Database) {
    super();
  }

  async hashes(numbers: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const { jsonTable, thenJoin, byPrimaryKey } = this.database;
    const sql = `SELECT b.number, b.hash FROM ${jsonTable({ number: 'integer' })} q
      ${thenJoin} audit_blocks b${byPrimaryKey} ON b.number = q.number`;
    const distinct = JSON.stringify([...new Set(numbers)].map((number) => [number]));
    const found = await this.database.query<Head>(sql, [distinct]);
    return new Map(found.map(({ number, hash }) => [number, hash]));
  }

  async lastBefore(at: number): Promise<number> {
    const sql =
      'SELECT number FROM audit_blocks WHERE sealed_at < ? ORDER BY sealed_at DESC, number DESC LIMIT 1';
    return (await this.database.query<{ number: number }>(sql, [at]))[0]?.number ?? 0;
  }
}
