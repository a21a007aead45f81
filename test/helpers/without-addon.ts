/** Import this before anything that imports ssh2: as on a machine where its native addon could not be built. */
const load = process.dlopen;

process.dlopen = (module: object, file: string, flags?: number): void => {
  if (file.endsWith('sshcrypto.node')) throw new Error('the addon was not built');
  if (flags === undefined) load(module, file);
  else load(module, file, flags);
};
