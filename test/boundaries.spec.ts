import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';

const FIXTURES = 'test/fixtures/boundaries';

interface Violation {
  rule: { name: string };
  from: string;
}

/** What dependency-cruiser finds in a tree made to break each rule of .dependency-cruiser.cjs once. */
function violations(): Violation[] {
  const options = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', FIXTURES];
  const env = { ...process.env, BOUNDARIES_SRC: FIXTURES };
  const output = execFileSync('node_modules/.bin/depcruise', options, { env, encoding: 'utf8' });
  return (JSON.parse(output) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('the module boundaries', () => {
  it('refuse every import that points the wrong way', () => {
    const found = violations().map(({ rule, from }) => `${from.slice(FIXTURES.length + 1)}: ${rule.name}`);
    expect(found.sort()).toEqual([
      'customers/application/knows-express.ts: application-knows-no-infrastructure',
      'customers/application/knows-infrastructure.ts: application-knows-no-infrastructure',
      'customers/application/knows-later-feature.ts: features-in-order',
      'customers/domain/knows-application.ts: domain-depends-on-domain-alone',
      'customers/domain/knows-typeorm.ts: domain-depends-on-domain-alone',
      'customers/infrastructure/knows-foreign-table.ts: features-meet-at-doors',
      'ip-mappings/application/knows-foreign-repository.ts: repositories-are-private',
      'shared/cycle-a.ts: no-cycles',
      'shared/knows-feature.ts: features-in-order',
      'shared/knows-nothing.ts: no-unresolved',
      'shared/knows-ormconfig.ts: src-stands-alone',
      'undeclared/feature.ts: features-are-declared',
    ]);
  });

  it('are those that docs/architecture.md draws', () => {
    const { forbidden } = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as {
      forbidden: Rule[];
    };
    const rules = forbidden.filter(({ name }) => name === 'features-in-order');
    const features = drawnFeatures();
    expect(features.toSorted()).toEqual(folders('src').toSorted());
    expect(rules.map(({ from, to }) => [from.path, to.path])).toEqual(
      features
        .slice(0, -1)
        .map((feature, n) => [`^src/${feature}/`, `^src/(${features.slice(n + 1).join('|')})/`]),
    );
  });
});

/** A rule of dependency-cruiser: what may not import what, as regular expressions. */
interface Rule {
  readonly name: string;
  readonly from: { readonly path: string };
  readonly to: { readonly path: string };
}

/** The features in the order in which the picture of docs/architecture.md names them. */
function drawnFeatures(): string[] {
  const text = readFileSync('docs/architecture.md', 'utf8');
  const picture = /## The features[^]*?```mermaid([^]*?)```/.exec(text)?.[1] ?? '';
  const features = new Set(folders('src'));
  return [...new Set(picture.match(/[a-z-]+/g))].filter((word) => features.has(word));
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
