import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ACTIONS } from '../src/audit/domain/actions.js';
import { ERROR_CODES } from '../src/error-codes.js';

/** Everything that files of this kind declare in `src`, whatever they call it. */
async function declaredIn(ending: string): Promise<object[]> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith(ending),
  );
  expect(files).not.toEqual([]);
  const modules = await Promise.all(files.map((file) => import(`../src/${file}`) as Promise<object>));
  return modules.flatMap((module) => Object.values(module) as unknown[]).filter(isTable);
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

describe('what features declare', () => {
  it('is merged: every error code', async () => {
    const declared = await declaredIn('.errors.ts');
    expect(Object.keys(ERROR_CODES)).toEqual(expect.arrayContaining(declared.flatMap(Object.keys)));
  });

  it('is merged: every audit action', async () => {
    const declared = await declaredIn('.actions.ts');
    expect(ACTIONS).toEqual(expect.arrayContaining(declared.flatMap(Object.values) as string[]));
  });
});
