/** Ends the database server that global-setup.js started, if it did. */
export default async function () {
  await globalThis.removeMysql?.();
}
