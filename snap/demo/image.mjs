// The demo's image: made from Debian's archive by images/recipes/debian.mjs and imported under its alias.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../setup/step.mjs";
import { call } from "./api.mjs";

const recipes = new URL("../../images/recipes/", import.meta.url);

/** Kept on the machine, so that a demo that was removed is back in seconds; a changed recipe makes another. */
const hash = createHash("sha256");
for (const file of ["lib.mjs", "debian.mjs", "debian-archive.mjs"]) hash.update(readFileSync(new URL(file, recipes)));
const cache = `/var/cache/berth/debian-12-${hash.digest("hex").slice(0, 12)}`;

/** Whether the alias is there. */
export async function hasImage({ socket, alias }) {
  return (await call(socket, "GET", `/1.0/images/aliases/${encodeURIComponent(alias)}`)).type === "sync";
}

/** Makes the image's two files unless they are there from an earlier run. */
export async function buildImage({ root }) {
  const made = ["metadata.tar.xz", "rootfs.squashfs"].every((name) => existsSync(join(cache, name)));
  if (made) return `from ${cache}`;
  await run(process.execPath, [join(root, "images/recipes/debian.mjs"), cache], {
    todo: "it takes Debian's packages from the archive that apt uses: check with apt-get update",
  });
  return cache;
}

/** Hands the image to the daemon. */
export async function importImage({ berth, env, alias }) {
  await run(berth, ["image", "import", join(cache, "metadata.tar.xz"), join(cache, "rootfs.squashfs"), `--alias=${alias}`], { env });
  return alias;
}
