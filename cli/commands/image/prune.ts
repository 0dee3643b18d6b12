// berth image prune
import type { Image } from "../../../server/api/images.ts";
import type { Instance } from "../../../server/api/instances.ts";
import type { StoragePool } from "../../../server/api/storage.ts";
import { defineCommand } from "../../command.ts";
import { CliError, messageOf } from "../../errors.ts";
import { renderTable } from "../../output/table.ts";
import { formatSize, formatUtc, isTimeSet } from "../../output/units.ts";

/** What is known of an image when it is judged whether it may go. */
export interface Judged {
  image: Image;
  /** How many instances were made from it. */
  users: number;
  /** Pools in which it is ready. */
  pools: string[];
  goes: boolean;
}

/** An image goes when no instance was made from it and it was fetched in passing; with `all`, also one that somebody has imported. */
export function judgeImages(images: readonly Image[], instances: readonly Pick<Instance, "config">[], pools: readonly Pick<StoragePool, "name" | "used_by">[], all: boolean): Judged[] {
  return images.map((image) => {
    const users = instances.filter(({ config }) => config["volatile.base_image"] === image.fingerprint).length;
    const ready = pools.filter((pool) => pool.used_by.some((url) => url.replace(/\?.*$/, "") === `/1.0/images/${image.fingerprint}`)).map((pool) => pool.name);
    return { image, users, pools: ready, goes: users === 0 && (all || image.cached) };
  });
}

export function renderReport(judged: readonly Judged[]): string {
  const rows = judged.map(({ image, users, pools, goes }) => [
    image.fingerprint.slice(0, 12), image.aliases.map((alias) => alias.name).sort().join("\n"), formatSize(image.size), image.cached ? "YES" : "NO", String(users),
    isTimeSet(image.last_used_at) ? formatUtc(image.last_used_at) : "never", pools.join("\n"), goes ? "REMOVE" : "KEEP",
  ]);
  return renderTable(["FINGERPRINT", "ALIASES", "SIZE", "CACHED", "INSTANCES", "LAST USED", "READY IN POOL", "PRUNE"], rows);
}

export const imagePruneCommand = defineCommand({
  name: "prune",
  usage: "[<remote>:]",
  summary: "Remove images that nothing uses",
  description: `Remove images that nothing uses

Shows what the images take and who uses them, and removes those that were fetched
for an instance in passing (cached) and from which no instance is left. With --all
also those go that somebody has imported, built or copied.

What pools keep of an image for fast launches goes with it. Instances keep what
they need of theirs.`,
  args: [0, 1],
  flags: {
    all: { kind: "bool", description: "Remove images that were imported, too" },
    "dry-run": { kind: "bool", description: "Show what would be removed, and remove nothing" },
    yes: { kind: "bool", short: "y", description: "Don't ask" },
  },
  async run(ctx, [remote], flags) {
    const { server, name } = ctx.resolve(remote);
    if (name !== "") throw new CliError(`"${remote}" is not a remote`, { hint: "berth image delete removes images by name." });
    const [images, instances, pools] = await Promise.all([
      server.client.listImages({ recursion: "1" }) as Promise<Image[]>,
      server.client.listInstances({ recursion: "1" }) as Promise<Instance[]>,
      server.client.listStoragePools({ recursion: "1" }) as Promise<StoragePool[]>,
    ]);
    const judged = judgeImages(images, instances, pools, flags.all).sort((a, b) => Number(b.goes) - Number(a.goes) || b.image.size - a.image.size);
    if (judged.length > 0) ctx.write(renderReport(judged));
    const going = judged.filter(({ goes }) => goes).map(({ image }) => image);
    const freed = formatSize(going.reduce((sum, image) => sum + image.size, 0));
    const count = going.length === 1 ? "1 image" : `${going.length} images`;
    if (going.length === 0) return ctx.say(flags.all ? "Every image is used." : "There is no cached image that nothing uses. --all looks at imported ones, too.");
    if (flags["dry-run"]) return ctx.say(`${count} would be removed (${freed}, and what the pools keep of them).`);
    if (!flags.yes && !(await confirm(`Remove ${count} (${freed})? (yes/no) [default=no]: `))) throw new CliError("Nothing was removed");
    const failures: string[] = [];
    for (const { fingerprint } of going) {
      try {
        await server.follow(await server.client.deleteImage({ fingerprint }));
      } catch (error) {
        failures.push(`${fingerprint.slice(0, 12)}: ${messageOf(error)}`);
      }
    }
    if (failures.length > 0) throw new CliError(`Some images could not be removed:\n${failures.join("\n")}`);
    ctx.say(`${count} removed (${freed}, and what the pools kept of them).`);
  },
});

async function confirm(question: string): Promise<boolean> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  try {
    return await prompt.askBool(question, "no");
  } finally {
    prompt.close();
  }
}
