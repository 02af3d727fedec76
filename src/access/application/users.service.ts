import { Injectable } from '@nestjs/common';
import { IdempotencyService } from '../../idempotency/application/idempotency.service.js';
import { Clock } from '../../shared/clock.js';
import { RegisterError, validationFailed } from '../../shared/errors.js';
import { contextKey } from '../../shared/context-name.js';
import { UserRepository, type User, type UserChanges } from './access.repositories.js';
import { Authority } from './authority.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

/** Administers users. The caller `by` is undefined at the command line. */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly idempotency: IdempotencyService,
    private readonly authority: Authority,
    private readonly clock: Clock,
  ) {}

  list(): Promise<User[]> {
    return this.users.list();
  }

  /** @throws RegisterError `user_exists`; `validation_failed` if a context does not exist */
  create(by: Principal | undefined, newUser: Omit<User, 'createdAt'>): Promise<User> {
    const create = async (): Promise<User> => {
      const user = { ...newUser, contexts: unique(newUser.contexts), createdAt: this.clock.now() };
      const refused = await this.users.insert(user);
      if (refused === 'taken')
        throw new RegisterError(ACCESS_ERRORS.user_exists, `User ${user.name} already exists`);
      assertNoneUnknown(refused);
      return user;
    };
    return this.authority.change(by, create, ({ name, role, contexts, enabled }) => ({
      action: ACCESS_ACTIONS.userCreated,
      details: { name, role, contexts, enabled },
    }));
  }

  /** @throws RegisterError `user_not_found`, `last_admin`; `validation_failed` if a context does not exist */
  change(by: Principal | undefined, name: string, changes: UserChanges): Promise<User> {
    const change = async (): Promise<User> => {
      const users = await this.users.lockAll();
      const { contexts } = changes;
      const given = { ...changes, ...(contexts && { contexts: unique(contexts) }) };
      const after = { ...requireUser(users, name), ...given };
      assertEnabledAdmin(users.map((user) => (user.name === name ? after : user)));
      assertNoneUnknown(await this.users.update(name, given));
      return after;
    };
    return this.authority.change(by, change, () => ({
      action: ACCESS_ACTIONS.userChanged,
      details: { name, changes },
    }));
  }

  /** Deletes a user with its tokens and Idempotency-Keys. @throws RegisterError `user_not_found`, `last_admin` */
  delete(by: Principal | undefined, name: string): Promise<User> {
    const remove = async (): Promise<User> => {
      const users = await this.users.lockAll();
      const user = requireUser(users, name);
      assertEnabledAdmin(users.filter((each) => each !== user));
      await this.users.delete(name);
      await this.idempotency.forgetUser(name);
      return user;
    };
    return this.authority.change(by, remove, () => ({
      action: ACCESS_ACTIONS.userDeleted,
      details: { name },
    }));
  }
}

/** @throws RegisterError `user_not_found` */
function requireUser(users: readonly User[], name: string): User {
  const user = users.find((each) => each.name === name);
  if (user === undefined) throw new RegisterError(ACCESS_ERRORS.user_not_found, 'No user has this name');
  return user;
}

/** Someone must be able to undo what an administrator does. @throws RegisterError `last_admin` */
function assertEnabledAdmin(users: readonly User[]): void {
  if (users.some(({ role, enabled }) => role === 'admin' && enabled)) return;
  throw new RegisterError(
    ACCESS_ERRORS.last_admin,
    'This is the last enabled admin; create another one first',
  );
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names.map(contextKey))].sort();
}

/** @param contexts those granted that do not exist @throws RegisterError `validation_failed` */
function assertNoneUnknown(contexts: readonly string[] | undefined): void {
  if (contexts === undefined) return;
  const message = `no such context: ${contexts.join(', ')}`;
  throw validationFailed([{ field: 'contexts', message }]);
}
