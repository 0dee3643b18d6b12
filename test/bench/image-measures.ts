// What is measured of images: importing, the first launch of a tarball beside tar alone, publishing, long lists.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decompressor } from "../../images/compression.ts";
import { formatMetadata } from "../../images/metadata.ts";
import { endOfArchive, packMembers } from "../../images/tar-write.ts";
import { execOk } from "../helpers/exec.ts";
import type { ImageFiles } from "../helpers/images.ts";
import type { Measure, Setting } from "./measures.ts";
import type { Peer } from "./peers.ts";
import { changeState, destroy, launch, ok, removeImages, timed } from "./steps.ts";

const alias = "large";
let work = "";

/** A split image with an xz of some 65 MB: the root file system of `image` with a second copy of its libraries, some 250 MB. */
async function makeLarge([metadata, squashfs = ""]: ImageFiles): Promise<void> {
  if (work) return;
  work = mkdtempSync(join(tmpdir(), "berth-bench-"));
  process.once("exit", () => rmSync(work, { recursive: true, force: true }));
  await execOk("sh", ["-ec", `cp "$1" meta.tar.xz; unsquashfs -n -q -d root "$2"; cp -a root/usr/lib root/usr/local/copy; tar -cf rootfs.tar -C root .; rm -r root; xz -0 -T0 rootfs.tar`, "sh", metadata, squashfs], { cwd: work, timeout: 300_000 });
}

const files = (metadata = "meta.tar.xz") => [join(work, metadata), join(work, "rootfs.tar.xz")];

async function removeImage(peer: Peer, name = alias): Promise<void> {
  const { target } = await peer.must("GET", `/1.0/images/aliases/${name}`);
  await peer.must("DELETE", `/1.0/images/${target}`);
}

/** What the fastest tools of the system take for the same tarball, on the same disk. */
async function tarAlone(name: string): Promise<number> {
  await execOk("mkdir", [join(work, name)]);
  const program = decompressor("xz")?.join(" ") ?? "xz -dc";
  return timed(() => execOk("tar", ["-xf", join(work, "rootfs.tar.xz"), "-I", program, "-p", "--numeric-owner", "--same-owner", "-C", join(work, name)]));
}

/** The same image with another fingerprint: one that was used is unpacked no more. */
async function makeAnother(name: string): Promise<string> {
  const script = 'mkdir "$1"; cd "$1"; tar -xf ../meta.tar.xz; echo "# $1" >> metadata.yaml; tar -cJf ../"$1".tar.xz *';
  await execOk("sh", ["-ec", script, "sh", name], { cwd: work });
  return `${name}.tar.xz`;
}

/**
 * An image with a tarball of 250 MB, from its import to its first launch. Nothing is deleted before the end, and each waits for the disk:
 * ext4 takes long to give out inodes that were freed a moment ago, and what one has written is not to be paid for by the next.
 */
export const importMeasure = ({ image }: Setting): Measure => ({
  name: "import",
  rounds: 3,
  prepare: () => makeLarge(image),
  sample: async (peer, round) => {
    const name = `import-${peer.name.toLowerCase().replaceAll(" ", "-")}-${round}`;
    const sample: Record<string, number> = {};
    for (const [client, add] of [["lxc", peer.lxc], ...(peer.berth ? [["berth", peer.client] as const] : [])] as const) {
      const another = await makeAnother(`${name}-${client}`);
      sample[`image import, 65 MB xz, ${client}`] = await timed(() => ok(add("image", "import", ...files(another), "--alias", `${name}-${client}`)));
    }
    await execOk("sync", []);
    const launched = await timed(() => launch(peer, name, `${name}-lxc`));
    await execOk("sync", []);
    const alone = await tarAlone(`${name}-alone`);
    return { ...sample, "launch of a new tarball": launched, "launch of a new tarball ÷ tar alone": launched / alone };
  },
  finish: async (peer) => {
    const instances = (await peer.must("GET", "/1.0/instances?recursion=1")) as { name: string }[];
    for (const { name } of instances.filter((one) => one.name.startsWith("import-"))) await destroy(peer, name);
    await removeImages(peer, "import-");
  },
});

const algorithms = [["default", undefined], ["zstd", "zstd"], ["squashfs", "squashfs"]] as const;

/** Making an image of a stopped machine of 250 MB. */
export const publishMeasure = ({ image }: Setting): Measure => ({
  name: "publish",
  rounds: 2,
  prepare: async (peer) => {
    await makeLarge(image);
    await ok(peer.lxc("image", "import", ...files(), "--alias", alias));
    await launch(peer, "to-publish", alias);
    await changeState(peer, "to-publish", "stop");
  },
  sample: async (peer) => {
    const sample: Record<string, number> = {};
    for (const [name, algorithm] of algorithms) {
      const body = { source: { type: "instance", name: "to-publish" }, aliases: [{ name: "published" }], ...(algorithm ? { compression_algorithm: algorithm } : {}) };
      const took = await timed(() => peer.must("POST", "/1.0/images", body)).catch(() => undefined); // LXD wants programs for some that are not everywhere
      if (took === undefined) continue;
      sample[`publish of 250 MB, ${name}`] = took;
      await removeImage(peer, "published");
    }
    return sample;
  },
  finish: async (peer) => {
    await peer.must("DELETE", "/1.0/instances/to-publish");
    await removeImage(peer);
  },
});

const listed = 1000;

/** A small image like those of image servers, another one for each number. */
function smallImage(number: number): Buffer {
  const mtime = 1_700_000_000 + number;
  const properties = {
    architecture: "amd64", description: `Debian bookworm amd64 (${number})`, os: "Debian", release: "bookworm", serial: `2026${number}`, type: "squashfs", variant: "default",
  };
  const data = Buffer.from(formatMetadata({ architecture: "x86_64", creation_date: mtime, expiry_date: 0, properties, templates: {} }));
  const none = Buffer.alloc(0);
  return Buffer.concat([
    packMembers([{ name: "metadata.yaml", data, mode: 0o644, mtime }, { name: "rootfs/", data: none, mode: 0o755, mtime }, { name: "rootfs/empty", data: none, mode: 0o644, mtime }]), endOfArchive,
  ]);
}

/** A list of a thousand images, each with a name. */
export const imageListMeasure: Measure = {
  name: "images",
  prepare: async (peer) => {
    for (let i = 0; i < listed; i++) {
      const { metadata } = await peer.must("POST", "/1.0/images", smallImage(i));
      await peer.must("POST", "/1.0/images/aliases", { name: `debian/12/${i}`, target: metadata.fingerprint });
    }
  },
  sample: async (peer) => ({
    "1,000 images, recursion=1": await timed(() => peer.must("GET", "/1.0/images?recursion=1")),
    "1,000 images, image list, lxc": await timed(() => ok(peer.lxc("image", "list"))),
    ...(peer.berth ? { "1,000 images, image list, berth": await timed(() => ok(peer.client("image", "list"))) } : {}),
  }),
  finish: (peer) => removeImages(peer, "debian/12/"),
};
