/** Removes the database server if global-setup.js started one. */
export default async function () {
  await globalThis.removeMysql?.();
}
