import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Makes a folder for a database: in memory, where there is room. Every request waits for the disk, and no test needs
 * more than the file system.
 *
 * @param {string} prefix
 */
export async function makeFolder(prefix) {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }));
  return mkdtemp(join(bavail * bsize > ROOM_BYTES ? '/dev/shm' : tmpdir(), prefix));
}
