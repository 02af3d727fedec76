import { access, constants, mkdir } from 'node:fs/promises';
import { loadConfiguration } from './shared/config/configuration.js';
import { during, reason } from './start-failure.js';

async function main(): Promise<void> {
  process.umask(0o077); // files contain personal data and tokens
  const configuration = loadConfiguration(process.env);
  const { dataDir } = configuration;
  await during('DATA_DIR cannot be created or written to', async () => {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK);
  });
  // Load these late: they take long, and errors above should appear at once.
  const { openRegister } = await import('./open-register.js');
  const database = await openRegister(configuration.database, 'migrate');
  const { serve } = await import('./serve.js');
  await serve(configuration, database);
}

main().catch((error: unknown) => {
  process.stderr.write(`ipdr-customers: ${reason(error)}\n`);
  process.exit(1);
});
