import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Creates a folder for a database, in memory if there is space: every write waits for the disk, which no test needs.
 *
 * @param {string} prefix
 */
export async function makeFolder(prefix) {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }));
  return mkdtemp(join(bavail * bsize > ROOM_BYTES ? '/dev/shm' : tmpdir(), prefix));
}
