// What `images.compression_algorithm` and its like may hold: the name of an algorithm, and options for it out of a table.
// Nothing else reaches a program's command line.

interface Algorithm {
  /** Options that it takes, each a whole word. */
  readonly options: RegExp;
  /** The options in words, for whoever gave another. */
  readonly known: string;
}

const levels = (from: number, to: number, more = "") => `-${from} to -${to}${more}`;

const algorithms: Readonly<Record<string, Algorithm>> = {
  none: { options: /(?!)/, known: "no options" },
  // Blocks are always compressed by themselves, as --rsyncable asks for.
  gzip: { options: /^-([1-9]|-fast|-best|n|-no-name|-rsyncable)$/, known: levels(1, 9, ", -n and --rsyncable") },
  pigz: { options: /^-([1-9]|-fast|-best|n|-no-name|-rsyncable|R)$/, known: levels(1, 9, ", -n and --rsyncable") },
  bzip2: { options: /^-([1-9]|-fast|-best)$/, known: levels(1, 9) },
  xz: { options: /^-([0-9]e?|e|-extreme|-fast|-best|T\d{1,3}|-threads=\d{1,3})$/, known: levels(0, 9, ", -e and -T THREADS without a space") },
  lzma: { options: /^-([0-9]e?|e|-extreme|-fast|-best)$/, known: levels(0, 9, " and -e") },
  zstd: { options: /^-([1-9]|1\d|2[0-2]|-ultra|-fast(=\d{1,2})?|-long(=\d\d)?|-rsyncable|T\d{1,3})$/, known: levels(1, 22, ", --ultra, --fast, --long, --rsyncable and -T THREADS without a space") },
  squashfs: { options: /(?!)/, known: "no options" },
};

export const compressionNames: readonly string[] = Object.keys(algorithms);

/** The name and the options in a value of the kind. */
export function splitCompression(value: string): { name: string; options: string[] } {
  const [name = "", ...options] = value.trim().split(/\s+/);
  return { name, options };
}

/** What is wrong with such a value. */
export function compression(value: string): string | undefined {
  const { name, options } = splitCompression(value);
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (!algorithm) return `expected one of ${compressionNames.join(", ")}, with options`;
  const wrong = options.length > 8 ? options.at(-1) : options.find((option) => !algorithm.options.test(option));
  return wrong === undefined ? undefined : `${name} takes ${algorithm.known}, not ${wrong.slice(0, 40)}`;
}

/** The same where nothing but a stream will do: backups are read while they come. */
export function streamCompression(value: string): string | undefined {
  return splitCompression(value).name === "squashfs" ? `expected one of ${compressionNames.filter((name) => name !== "squashfs").join(", ")}, with options` : compression(value);
}
