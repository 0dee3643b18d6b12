// The demo's image: made from Debian's archive by the recipe debian/12 and imported under its alias.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../setup/step.mjs";
import { call } from "./api.mjs";

/** Kept on the machine, so that a demo that was removed is back in seconds; a changed recipe makes another. */
const recipe = readFileSync(new URL("../../images/recipes/debian/12.yaml", import.meta.url));
const cache = `/var/cache/berth/debian-12-${createHash("sha256").update(recipe).digest("hex").slice(0, 12)}`;

/** Whether the alias is there. */
export async function hasImage({ socket, alias }) {
  return (await call(socket, "GET", `/1.0/images/aliases/${encodeURIComponent(alias)}`)).type === "sync";
}

/** Makes the image's two files unless they are there from an earlier run. */
export async function buildImage({ berth, env }) {
  const made = ["metadata.tar.xz", "rootfs.squashfs"].every((name) => existsSync(join(cache, name)));
  if (made) return `from ${cache}`;
  await run(berth, ["image", "build", "debian/12", `--output=${cache}`], {
    env,
    todo: "it takes Debian's packages from the archive that apt uses: check with apt-get update",
  });
  return cache;
}

/** Hands the image to the daemon. */
export async function importImage({ berth, env, alias }) {
  await run(berth, ["image", "import", join(cache, "metadata.tar.xz"), join(cache, "rootfs.squashfs"), `--alias=${alias}`], { env });
  return alias;
}
