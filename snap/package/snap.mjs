// npm run package:snap: dist/berth_VERSION_ARCH.snap; `--fast` packs less tightly, `--client=node` brings the client that Node runs. `--stage=DIR` only lays the tree out, for snapcraft, which adds Debian's packages to it.
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { dump, load } from "js-yaml";
import { build } from "../build.mjs";
import { run, script, StepError, step } from "../setup/step.mjs";
import { packageVersion, root, sourceTime, stage } from "./stage.mjs";

const where = "snap/berth/current"; // as programs in the tree name each other

/** Lays out what is Berth's own of the snap. */
async function stageSnap(target, args) {
  const node = await stage(`${target}.all`, where, args);
  if (!node) throw new StepError("this Node is spread over libraries of the distribution", "build the snap with a Node from nodejs.org");
  cpSync(join(`${target}.all`, where), target, { recursive: true, verbatimSymlinks: true });
  await run("rm", ["-rf", `${target}.all`]);
  cpSync(join(root, "snap/package/snap-daemon"), join(target, "lib/berth/snap-daemon"));
  chmodSync(join(target, "lib/berth/snap-daemon"), 0o755);
}

/** What snapd reads, of the same table that snapcraft does. */
export function snapMetadata(snapcraft, version, architecture) {
  const { name, title, base, summary, description, license, grade, confinement, apps } = snapcraft;
  return { name, title, version, summary, description, license, base, grade, confinement, architectures: [architecture], apps };
}

/** Makes the snap; resolves to its file. */
export async function packageSnap(args = []) {
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const version = packageVersion(args);
  const target = join(root, "dist/package/snap");
  await run("rm", ["-rf", target]);
  await stageSnap(target, args);
  mkdirSync(join(target, "meta"));
  cpSync(join(root, "snap/hooks"), join(target, "meta/hooks"), { recursive: true });
  const table = load(readFileSync(join(root, "snap/snapcraft.yaml"), "utf8"));
  writeFileSync(join(target, "meta/snap.yaml"), dump(snapMetadata(table, version, architecture), { lineWidth: -1 }));
  const file = join(root, `dist/berth_${version}_${architecture}.snap`);
  // As `snap pack` does it; snapd need not be there.
  await run("mksquashfs", [target, file, "-noappend", "-comp", ...(args.includes("--fast") ? ["lzo", "-Xalgorithm", "lzo1x_1"] : ["xz"]), "-no-fragments", "-no-progress", "-all-root", "-no-xattrs", "-mkfs-time", await sourceTime(), "-all-time", await sourceTime()]);
  return file;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const only = args.find((arg) => arg.startsWith("--stage="))?.slice("--stage=".length);
  await script("package:snap", async () => {
    await build();
    if (only) await step("the tree", () => stageSnap(resolve(only), args));
    else {
      await step("package", async () => {
        const file = await packageSnap(args);
        return `${file} (${Math.round(statSync(file).size / 2 ** 20)} MiB)`;
      });
    }
  });
}
