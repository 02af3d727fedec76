import { CreateRegister1764000000000 } from './1764000000000-create-register.js';
import { AddNamesAndSignIns1764000000001 } from './1764000000001-add-names-and-sign-ins.js';

/** In the order in which they run. */
export const migrations = [CreateRegister1764000000000, AddNamesAndSignIns1764000000001];
