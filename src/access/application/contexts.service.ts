import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError } from '../../shared/errors.js';
import { ContextRepository, type Context } from './access.repositories.js';
import { Authority } from './authority.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

/** Contexts, as administrators see them. Who asks for a change is undefined at the command line. */
@Injectable()
export class ContextsService {
  constructor(
    private readonly contexts: ContextRepository,
    private readonly authority: Authority,
    private readonly clock: Clock,
  ) {}

  list(): Promise<Context[]> {
    return this.contexts.list();
  }

  /** @throws RegisterError `context_exists` */
  create(by: Principal | undefined, name: string, enabled: boolean): Promise<Context> {
    const create = async (): Promise<Context> => {
      const context = { name, aliases: [], enabled, createdAt: this.clock.now() };
      refuseTaken(context, await this.contexts.lockAll());
      if (!(await this.contexts.insert(context))) throw taken(name);
      return context;
    };
    return this.authority.change(by, create, () => ({
      action: ACCESS_ACTIONS.contextCreated,
      details: { name, enabled },
    }));
  }

  /**
   * Changes what `changes` holds. A new name leaves the old one as an alias, so that nobody's client stops;
   * `aliases` replaces the aliases, and so removes those that it lacks.
   *
   * @throws RegisterError `context_unknown`, `context_exists`
   */
  change(
    by: Principal | undefined,
    name: string,
    changes: Partial<Pick<Context, 'name' | 'aliases' | 'enabled'>>,
  ): Promise<Context> {
    const change = async (): Promise<Context> => {
      const contexts = await this.contexts.lockAll();
      const before = find(contexts, name);
      const after = { ...before, ...changes };
      const aliases = new Set(changes.aliases ?? [...before.aliases, before.name]);
      aliases.delete(after.name);
      const context = { ...after, aliases: [...aliases].sort() };
      const others = contexts.filter((each) => each !== before);
      refuseTaken(context, others);
      if (!(await this.contexts.update(name, context))) throw taken(context.name);
      return context;
    };
    return this.authority.change(by, change, () => ({
      action: ACCESS_ACTIONS.contextChanged,
      details: { name, changes },
    }));
  }

  /**
   * Deletes one that has no customers, and not the one that the caller is in: so there is always one to call in.
   *
   * @throws RegisterError `context_unknown`, `context_in_use`, `context_not_empty`
   */
  delete(by: Principal | undefined, name: string): Promise<Context> {
    const remove = async (): Promise<Context> => {
      const contexts = await this.contexts.lockAll();
      const context = find(contexts, name);
      if (by !== undefined && !contexts.some((each) => each !== context && each.name === by.contextName)) {
        throw new RegisterError(
          ACCESS_ERRORS.context_in_use,
          `You are calling in ${name}; name another contextname`,
        );
      }
      if (!(await this.contexts.delete(name))) {
        throw new RegisterError(
          ACCESS_ERRORS.context_not_empty,
          `Context ${name} still has customers, or the history of deleted ones that may not be purged yet; ` +
            'it can be disabled',
        );
      }
      return context;
    };
    return this.authority.change(by, remove, () => ({
      action: ACCESS_ACTIONS.contextDeleted,
      details: { name },
    }));
  }
}

function find(contexts: readonly Context[], name: string): Context {
  const context = contexts.find((each) => each.name === name);
  if (context !== undefined) return context;
  const owner = contexts.find(({ aliases }) => aliases.includes(name));
  const message =
    owner === undefined ? 'No context has this name' : `This is an alias of ${owner.name}; use that name`;
  throw new RegisterError(ACCESS_ERRORS.context_unknown, message);
}

function refuseTaken({ name, aliases }: Context, others: readonly Context[]): void {
  for (const wanted of [name, ...aliases]) {
    const other = others.find((each) => each.name === wanted || each.aliases.includes(wanted));
    if (other !== undefined) throw taken(wanted, other.name);
  }
}

/** @param other its name; undefined = not known, having come at the same moment */
function taken(name: string, other?: string): RegisterError {
  const isAlias = other !== undefined && other !== name;
  const message = isAlias ? `Context ${other} answers to ${name} too` : `Context ${name} already exists`;
  return new RegisterError(ACCESS_ERRORS.context_exists, message);
}
