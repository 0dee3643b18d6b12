// The demo's image: made from Debian's archive by images/recipes/debian.mjs and imported under its alias.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "../setup/step.mjs";
import { call } from "./api.mjs";

/** Kept on the machine, so that a demo that was removed is back in seconds. */
const cache = "/var/cache/berth/debian-12";

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
