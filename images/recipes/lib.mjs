// What the recipes share: running a tool, writing files, packing the metadata. Plain Node, no packages.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Runs a program to its end; throws with its last lines when it fails. */
export function tool(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26, ...options });
  if (result.error?.code === "ENOENT") throw new Error(`${command} is not installed: run npm run setup`);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const words = `${result.stderr ?? ""}\n${result.stdout ?? ""}`.trim().split("\n").slice(-8).join("\n");
    throw new Error(`${command} failed (${result.signal ?? `exit status ${result.status}`}):\n${words}`);
  }
  return result.stdout;
}

/** Writes a file below a root file system, with its folders. */
export function put(root, path, text, mode = 0o644) {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  writeFileSync(target, text);
  chmodSync(target, mode);
}

/** The architecture by the kernel's name, as metadata.yaml wants it. */
export function architecture() {
  const names = { x64: "x86_64", arm64: "aarch64", arm: "armv7l", ia32: "i686", ppc64: "ppc64le", s390x: "s390x", riscv64: "riscv64" };
  const name = names[process.arch];
  if (!name) throw new Error(`no recipe for the architecture ${process.arch}`);
  return name;
}

/** Writes metadata.yaml and the templates into a folder. `templates`: path in the container → {file, when, text}. */
export function writeMetadata(folder, { created, properties, templates }) {
  const lines = [`architecture: ${architecture()}`, `creation_date: ${created}`, "properties:"];
  for (const [key, value] of Object.entries(properties)) lines.push(`  ${key}: ${JSON.stringify(value)}`);
  lines.push("templates:");
  for (const [path, { file, when, text }] of Object.entries(templates)) {
    lines.push(`  ${path}:`, `    when: [${when.join(", ")}]`, `    template: ${file}`);
    put(folder, `templates/${file}`, text);
  }
  put(folder, "metadata.yaml", `${lines.join("\n")}\n`);
}

/** The templates every image of ours has: its name, and its name in /etc/hosts. */
export const nameTemplates = {
  "/etc/hostname": { file: "hostname.tpl", when: ["create", "copy", "rename"], text: "{{ container.name }}\n" },
  "/etc/hosts": {
    file: "hosts.tpl",
    when: ["create", "copy", "rename"],
    text: "127.0.0.1\tlocalhost\n127.0.1.1\t{{ container.name }}\n\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
  },
};

const compressors = { "tar.xz": ["xz", "-T0", "-2"], "tar.gz": ["gzip", "-n", "-6"], "tar.zst": ["zstd", "-q", "-T0", "-3"], tar: [] };

/** Packs members of a folder into a tarball; its kind follows from the name. The same input gives the same bytes. */
export function packTar(file, folder, members, mtime) {
  const kind = Object.keys(compressors).find((name) => file.endsWith(`.${name}`));
  const plain = kind === "tar" ? file : `${file}.part`;
  tool("tar", [
    "--create", "--file", plain, "--directory", folder, "--numeric-owner", "--sort=name", `--mtime=@${mtime}`,
    "--xattrs", "--acls", "--one-file-system", ...members,
  ]);
  if (kind === "tar") return;
  const [command, ...args] = compressors[kind];
  tool(command, [...args, "--force", plain]);
  renameSync(`${plain}.${kind.slice(4)}`, file);
  rmSync(plain, { force: true });
}

/** Packs a root file system as squashfs: zstd at a level that packs well in seconds and is quick to read. */
export function packSquashfs(file, root) {
  rmSync(file, { force: true });
  tool("mksquashfs", [root, file, "-comp", "zstd", "-Xcompression-level", "9", "-noappend", "-no-progress", "-quiet", "-xattrs"]);
}

/** A folder that is removed when the work in it is over, done or failed. */
export function withTemporary(parent, work) {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "recipe-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
