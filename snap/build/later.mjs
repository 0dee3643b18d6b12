// Part of the bundles that tables.mjs makes light.

/** An object of which some members are known. The others are those of another object, which is loaded when one of them is asked for. */
export function later(known, others, load) {
  let whole;
  for (const key of others) Object.defineProperty(known, key, { enumerable: true, get: () => (whole ??= load())[key] });
  return known;
}
