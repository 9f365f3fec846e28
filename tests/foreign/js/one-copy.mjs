/**
 * Lets the plug-in of this tree use the same `mppx` as the cases do, as it is wherever a program
 * installs both: servers of `mppx` know their own errors by class.
 */
const here = import.meta.url;

export async function resolve(specifier, context, next) {
  const isMppx = specifier === "mppx" || specifier.startsWith("mppx/");
  return next(specifier, isMppx ? { ...context, parentURL: here } : context);
}
