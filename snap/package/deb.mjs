// npm run package:deb: dist/berth_VERSION_ARCH.deb, for Debian 12 and 13. Another version by `-- --version=X`; `--fast` packs less tightly, `--client=node` brings the client that Node runs.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../build.mjs";
import { section } from "../setup/packages.mjs";
import { run, script, step } from "../setup/step.mjs";
import { packageVersion, root, schemaVersion, sourceTime, stage } from "./stage.mjs";

/** What only makes images: most machines get theirs elsewhere. */
const recommended = ["mmdebstrap", "debian-archive-keyring"];

function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? sizeOf(path) : entry.isFile() ? statSync(path).size : 0);
  }, 0);
}

function control({ version, architecture, size, node }) {
  const needed = section("always");
  // A better-sqlite3 is built for one line of Node: without a Node of its own the package needs Debian's of the same.
  const own = node ? ["libc6 (>= 2.36)", "libstdc++6"] : [`nodejs (>= ${process.versions.node})`, `nodejs (<< ${Number(process.versions.node.split(".")[0]) + 1})`];
  return `Package: berth
Version: ${version}
Section: admin
Priority: optional
Architecture: ${architecture}
Maintainer: The Berth developers <berth@localhost>
Installed-Size: ${Math.ceil(size / 1024)}
Depends: ${[...own, ...needed.filter((name) => !recommended.includes(name)), "init-system-helpers", "passwd"].join(", ")}
Recommends: ${recommended.join(", ")}
Description: system containers that feel like small machines
 Berth runs full-OS Linux containers: they boot their own init under an
 unprivileged root, live for months, and are managed as LXD's are. The API
 is LXD's, so the lxc client and what is built on it drive Berth unmodified.
 .
 This package holds the daemon berthd and the client berth.
`;
}

function maintainerScripts(folder, node) {
  for (const name of ["preinst", "postinst", "prerm", "postrm"]) {
    const text = readFileSync(join(root, "snap/deb", name), "utf8").replaceAll("@SCHEMA@", String(schemaVersion())).replaceAll("/usr/lib/berth/@NODE@", node ? "/usr/lib/berth/node" : "node");
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
}

async function documents(target, version) {
  const folder = join(target, "usr/share/doc/berth");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "copyright"), `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Berth\n\nFiles: *\nCopyright: The Berth developers\nLicense: Apache-2.0\n On Debian systems, the text of the license is in /usr/share/common-licenses/Apache-2.0.\n`);
  cpSync(join(root, "CHANGELOG.md"), join(folder, "changelog"));
  writeFileSync(join(folder, "README"), `Berth ${version}. The manual: man berth, berth help.\n`);
  await run("gzip", ["-9n", join(folder, "changelog")]);
}

/** Makes the package; resolves to its file. */
export async function packageDeb(args = []) {
  const version = packageVersion(args);
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const target = join(root, "dist/package/deb");
  const node = await stage(target, "usr", args);
  const units = join(target, "usr/lib/systemd/system");
  cpSync(join(root, "snap/systemd"), units, { recursive: true });
  await documents(target, version);
  const size = sizeOf(target);
  mkdirSync(join(target, "DEBIAN"));
  writeFileSync(join(target, "DEBIAN/control"), control({ version, architecture, size, node }));
  maintainerScripts(join(target, "DEBIAN"), node);
  const file = join(root, `dist/berth_${version}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: await sourceTime() };
  await run("dpkg-deb", ["--root-owner-group", "-Zzstd", args.includes("--fast") ? "-z1" : "-z12", "--build", target, file], { env });
  return file;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await script("package:deb", async () => {
    await build();
    await step("package", async () => {
      const file = await packageDeb(process.argv.slice(2));
      return `${file} (${Math.round(statSync(file).size / 2 ** 20)} MiB)`;
    });
  });
}
