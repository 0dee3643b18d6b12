// A root file system without metadata.yaml: what can be told of it from /etc/os-release and its programs.
import type { ArchiveMember } from "./archive.ts";
import { hostArchitecture, type ImageMetadata } from "./metadata.ts";

const releaseFiles = ["etc/os-release", "usr/lib/os-release"];
const releaseLimit = 64 * 1024;

/** By the number in an ELF header. */
const machines: Readonly<Record<number, string>> = {
  3: "i686", 8: "mips", 20: "ppc", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64", 258: "loongarch64",
};

/** The architecture that a program is for; undefined when it is no ELF file of a known one. */
export function architectureOf(head: Buffer): string | undefined {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const isLittle = head[5] === 1;
  const name = machines[isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18)];
  return name === "ppc64le" && !isLittle ? "ppc64" : name;
}

/** The values of an os-release file, printable and short. */
export function parseRelease(text: string): Map<string, string> {
  const lines = text.matchAll(/^([A-Z][A-Z0-9_]*)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"']*))\s*$/gm);
  return new Map([...lines].map(([, key = "", double, single, plain]) => [key, (double ?? single ?? plain ?? "").replace(/[\0-\x1f\x7f]/g, "").slice(0, 200)]));
}

/** Looks at the members of a tarball as they pass. */
export class BareLook {
  #release: string | undefined;
  #architecture: string | undefined;
  #newest = 0;
  readonly #folders = new Set<string>();

  async visit(member: ArchiveMember): Promise<void> {
    const [top = ""] = member.name.split("/", 1);
    if (this.#folders.size < 100) this.#folders.add(top);
    if (member.mtime <= Date.now() / 1000) this.#newest = Math.max(this.#newest, member.mtime);
    if (member.type !== "file") return;
    if (releaseFiles.includes(member.name)) this.#release ??= (await member.read(releaseLimit)).toString("utf8");
    else if (!this.#architecture && /^(usr\/)?s?bin\//.test(member.name) && member.size < 64 * 2 ** 20) this.#architecture = architectureOf(await member.read(64 * 2 ** 20));
  }

  /** What stands in for metadata.yaml; undefined when this is no root file system. The same tarball gives the same. */
  metadata(): ImageMetadata | undefined {
    if (!this.#folders.has("etc") || !["usr", "bin", "sbin"].some((name) => this.#folders.has(name))) return undefined;
    return describeBare(parseRelease(this.#release ?? ""), this.#architecture, this.#newest);
  }
}

/** Metadata for a root file system of that release. */
export function describeBare(release: ReadonlyMap<string, string>, found: string | undefined, newest: number): ImageMetadata {
  const architecture = found ?? hostArchitecture();
  const [os, version] = [release.get("ID") ?? "unknown", release.get("VERSION_ID") ?? ""];
  const day = new Date(newest * 1000).toISOString().slice(0, 10).replaceAll("-", "");
  return {
    architecture, creation_date: Math.max(1, Math.trunc(newest)), expiry_date: 0, templates: {},
    properties: {
      architecture, description: `${release.get("PRETTY_NAME") ?? os} ${architecture} (${day})`, os, ...(version ? { release: version } : {}), serial: day,
      "metadata.origin": "made up: the tarball had no metadata.yaml",
    },
  };
}
