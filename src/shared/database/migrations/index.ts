import { CreateRegister1764000000000 } from './1764000000000-create-register.js';
import { AddNamesAndSignIns1764000000001 } from './1764000000001-add-names-and-sign-ins.js';
import { AddHistory1764000000002 } from './1764000000002-add-history.js';
import { SealVersions1764000000003 } from './1764000000003-seal-versions.js';
import { AddIpMappings1764000000004 } from './1764000000004-add-ip-mappings.js';
import { IndexMappingVersions1764000000005 } from './1764000000005-index-mapping-versions.js';

/** In the order in which they run. */
export const migrations = [
  CreateRegister1764000000000,
  AddNamesAndSignIns1764000000001,
  AddHistory1764000000002,
  SealVersions1764000000003,
  AddIpMappings1764000000004,
  IndexMappingVersions1764000000005,
];
