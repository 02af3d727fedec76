import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { ContextRepository, type Context } from './access.repositories.js';

/** Contexts, as administrators see them. */
@Injectable()
export class ContextsService {
  constructor(
    private readonly contexts: ContextRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  list(): Promise<Context[]> {
    return this.contexts.list();
  }

  /** @throws RegisterError `context_exists` */
  create(name: string, enabled: boolean): Promise<Context> {
    return this.transactions.run(async () => {
      const context = { name, aliases: [], enabled, createdAt: this.clock.now() };
      if (!(await this.contexts.insert(context))) throw taken([name]);
      return context;
    });
  }

  /**
   * Changes what `changes` holds. A new name leaves the old one as an alias, so that nobody's client stops;
   * `aliases` replaces the aliases, and so removes those that it lacks.
   *
   * @throws RegisterError `context_unknown`, `context_exists`
   */
  change(name: string, changes: Partial<Pick<Context, 'name' | 'aliases' | 'enabled'>>): Promise<Context> {
    return this.transactions.run(async () => {
      const before = known(await this.contexts.lock(name));
      const after = { ...before, ...changes };
      const aliases = new Set(changes.aliases ?? [...before.aliases, before.name]);
      aliases.delete(after.name);
      const context = { ...after, aliases: [...aliases].sort() };
      if (!(await this.contexts.update(name, context))) throw taken([context.name, ...context.aliases]);
      return context;
    });
  }

  /**
   * Deletes one that has no customers.
   *
   * @param calledIn the context that the caller is in, which stays: so there is always one to call in
   * @throws RegisterError `context_unknown`, `context_in_use`, `context_not_empty`
   */
  delete(name: string, calledIn: string | undefined): Promise<Context> {
    return this.transactions.run(async () => {
      const context = known(await this.contexts.lock(name));
      if (name === calledIn) {
        throw new RegisterError('context_in_use', `You are calling in ${name}; name another contextname`);
      }
      if (!(await this.contexts.delete(name))) {
        throw new RegisterError(
          'context_not_empty',
          `Context ${name} still has customers; delete them first`,
        );
      }
      return context;
    });
  }
}

function known(context: Context | undefined): Context {
  if (context === undefined) throw new RegisterError('context_unknown', 'No context has this name');
  return context;
}

function taken(names: readonly string[]): RegisterError {
  const which = names.length === 1 ? `the name ${names[0]}` : `one of the names ${names.join(', ')}`;
  return new RegisterError('context_exists', `Another context answers to ${which}`);
}
