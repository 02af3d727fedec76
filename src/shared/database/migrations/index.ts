import { CreateRegister1764000000000 } from './1764000000000-create-register.js';

/** In the order in which they run. */
export const migrations = [CreateRegister1764000000000];
