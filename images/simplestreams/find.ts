// Finding an image among those that a simplestreams server lists: by alias, with or without an architecture, or by fingerprint.
import type { StreamImage } from "./documents.ts";

/** Aliases there begin with the name of an os that nobody writes. */
const defaultOs: readonly (readonly [server: string, os: string])[] = [["https://cloud-images.ubuntu.com", "ubuntu"]];

const typeOrder = ["squashfs", "root.tar.xz", "tar.gz"];

/** The images that aliases mean come first: the newest of a release, in the kind that is liked best. */
export function compareImages(a: StreamImage, b: StreamImage): number {
  for (const key of ["os", "release", "variant", "serial", "architecture"]) {
    const [one = "", two = ""] = [a.properties[key], b.properties[key]];
    if (one === two) continue;
    return (one < two ? -1 : 1) * (key === "serial" ? -1 : 1);
  }
  return typeOrder.indexOf(a.properties["type"] ?? "") - typeOrder.indexOf(b.properties["type"] ?? "");
}

function withoutOs(name: string, server: string): string {
  const os = defaultOs.find(([prefix]) => server.startsWith(prefix))?.[1];
  return os && name.startsWith(`${os}/`) ? name.slice(os.length + 1) : name;
}

/** The image that a name stands for; undefined when none does, or several fingerprints begin so. `architectures`: the machine's, its own first. */
export function findStreamImage(images: readonly StreamImage[], name: string, server: string, architectures: readonly string[]): StreamImage | undefined {
  const isNamed = ({ names, properties }: StreamImage) =>
    names.some((one) => withoutOs(one, server) === name || `${withoutOs(one, server)}/${properties["architecture"]}` === name);
  const named = images.filter(isNamed).sort(compareImages);
  const rank = ({ architecture }: StreamImage) => (architectures.includes(architecture) ? architectures.indexOf(architecture) : architectures.length);
  const [best] = named.sort((a, b) => rank(a) - rank(b)); // the order among those of one architecture stays
  if (best) return best;
  if (!/^[0-9a-f]{6,64}$/.test(name)) return undefined;
  const found = images.filter(({ fingerprint }) => fingerprint.startsWith(name));
  return new Set(found.map(({ fingerprint }) => fingerprint)).size === 1 ? found[0] : undefined;
}
