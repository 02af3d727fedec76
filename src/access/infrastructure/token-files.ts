import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { TokenFiles } from '../application/seed.service.js';

/** Token files in DATA_DIR, readable by the service's own account only. */
export class DataDirTokenFiles extends TokenFiles {
  constructor(private readonly dataDir: string) {
    super();
  }

  async read(name: string): Promise<string | undefined> {
    const path = join(this.dataDir, name);
    return existsSync(path) ? (await readFile(path, 'utf8')).trim() : undefined;
  }

  async write(name: string, token: string): Promise<void> {
    await mkdir(this.dataDir, { recursive: true, mode: 0o700 });
    const path = join(this.dataDir, name);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }
}
