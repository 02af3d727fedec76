import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError } from '../../shared/errors.js';
import { ContextRepository, type Context } from './access.repositories.js';
import { Authority } from './authority.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

/** Administers contexts. The caller `by` is undefined at the command line. */
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
      assertNamesFree(context, await this.contexts.lockAll());
      if (!(await this.contexts.insert(context))) throw contextExists(name);
      return context;
    };
    return this.authority.change(by, create, () => ({
      action: ACCESS_ACTIONS.contextCreated,
      details: { name, enabled },
    }));
  }

  /**
   * Changes the given members. The old name stays as an alias, so that no client stops working; `aliases` replaces
   * all aliases.
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
      const before = requireContext(contexts, name);
      const after = { ...before, ...changes };
      const aliases = new Set(changes.aliases ?? [...before.aliases, before.name]);
      aliases.delete(after.name);
      const context = { ...after, aliases: [...aliases].sort() };
      const others = contexts.filter((each) => each !== before);
      assertNamesFree(context, others);
      if (!(await this.contexts.update(name, context))) throw contextExists(context.name);
      return context;
    };
    return this.authority.change(by, change, () => ({
      action: ACCESS_ACTIONS.contextChanged,
      details: { name, changes },
    }));
  }

  /**
   * Deletes an empty context. Refuses to delete the caller's own, so that one always remains.
   *
   * @throws RegisterError `context_unknown`, `context_in_use`, `context_not_empty`
   */
  delete(by: Principal | undefined, name: string): Promise<Context> {
    const remove = async (): Promise<Context> => {
      const contexts = await this.contexts.lockAll();
      const context = requireContext(contexts, name);
      if (by !== undefined && !contexts.some((each) => each !== context && each.name === by.contextName)) {
        throw new RegisterError(
          ACCESS_ERRORS.context_in_use,
          `This request is made in ${name}; send another contextname`,
        );
      }
      if (!(await this.contexts.delete(name))) {
        throw new RegisterError(
          ACCESS_ERRORS.context_not_empty,
          `Context ${name} still has customers, or history that may not be purged yet; you can disable it instead`,
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

/** @throws RegisterError `context_unknown` */
function requireContext(contexts: readonly Context[], name: string): Context {
  const context = contexts.find((each) => each.name === name);
  if (context !== undefined) return context;
  const owner = contexts.find(({ aliases }) => aliases.includes(name));
  const message =
    owner === undefined ? 'No context has this name' : `This is an alias of ${owner.name}; use that name`;
  throw new RegisterError(ACCESS_ERRORS.context_unknown, message);
}

/** @throws RegisterError `context_exists` */
function assertNamesFree({ name, aliases }: Context, others: readonly Context[]): void {
  for (const wanted of [name, ...aliases]) {
    const other = others.find((each) => each.name === wanted || each.aliases.includes(wanted));
    if (other !== undefined) throw contextExists(wanted, other.name);
  }
}

/** @param owner the name of the context that has `name`; undefined = unknown, since it was inserted concurrently */
function contextExists(name: string, owner?: string): RegisterError {
  const isAlias = owner !== undefined && owner !== name;
  const message = isAlias ? `${name} is an alias of context ${owner}` : `Context ${name} already exists`;
  return new RegisterError(ACCESS_ERRORS.context_exists, message);
}
