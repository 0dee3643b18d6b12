// The images of a pool, each made ready once: `FINGERPRINT/rootfs` with the image's own ids, beside
// metadata.yaml and templates/. A squashfs is mounted there instead of being unpacked.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { copyFile, cp, link, rename, rm } from "node:fs/promises";
import { unpackImage, unpackRootfs } from "../../../images/unpack.ts";
import { hasCode } from "../../host/libc.ts";
import { isMountPoint, unmountTree } from "../../host/mounts.ts";
import { inUserNamespace } from "../../host/user-namespace.ts";
import { run } from "../../host/run.ts";
import { fail } from "../../api/errors.ts";
import type { StoredImage } from "../driver.ts";
import { copyFiles } from "./copy.ts";

export class ImageLayers {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  folder(fingerprint: string): string {
    return `${this.#root}/${fingerprint}`;
  }

  rootfs(fingerprint: string): string {
    return `${this.folder(fingerprint)}/rootfs`;
  }

  /** `usable` tells of a mounted squashfs whether it can be a layer; one that can't is unpacked after all. */
  async ensure(image: StoredImage, usable: (rootfs: string) => boolean, heard?: (bytes: number) => void): Promise<void> {
    const { fingerprint } = image;
    if (!existsSync(this.folder(fingerprint))) await this.#make(image, heard);
    if (!existsSync(this.#squashfs(fingerprint))) return;
    // In a container there are no loop devices.
    const mounted = !inUserNamespace() && (await this.mountSquashfs(fingerprint).then(() => true));
    if (!mounted || !usable(this.rootfs(fingerprint))) await this.#unpackSquashfs(fingerprint);
  }

  #squashfs(fingerprint: string): string {
    return `${this.folder(fingerprint)}/rootfs.squashfs`;
  }

  async #unpackSquashfs(fingerprint: string): Promise<void> {
    const unfinished = this.#unfinished();
    try {
      await unpackRootfs(this.#squashfs(fingerprint), unfinished);
      unmountTree(this.rootfs(fingerprint));
      await rm(this.rootfs(fingerprint), { recursive: true, force: true });
      await rename(unfinished, this.rootfs(fingerprint));
      await rm(this.#squashfs(fingerprint));
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  }

  #unfinished(): string {
    return `${this.#root}/.new-${randomBytes(6).toString("hex")}`;
  }

  async #make(image: StoredImage, heard?: (bytes: number) => void): Promise<void> {
    const unfinished = this.#unfinished();
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      const squashfs = image.rootfsFormat === "squashfs" && image.rootfs !== undefined;
      await unpackImage({ meta: image.meta, ...(image.rootfs ? { rootfs: image.rootfs } : {}) }, unfinished, { rootfs: !squashfs, heard });
      if (squashfs) {
        mkdirSync(`${unfinished}/rootfs`, { recursive: true, mode: 0o755 });
        await linkOrCopy(image.rootfs ?? "", `${unfinished}/rootfs.squashfs`);
      }
      await rename(unfinished, this.folder(image.fingerprint));
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  }

  /** Mounts the image's squashfs, if it has one and it is not mounted (after a restart of the machine). */
  async mountSquashfs(fingerprint: string): Promise<void> {
    const file = this.#squashfs(fingerprint);
    const target = this.rootfs(fingerprint);
    if (!existsSync(file) || isMountPoint(target)) return;
    try {
      await run("mount", ["-t", "squashfs", "-o", "loop,ro,nodev", file, target]);
    } catch (cause) {
      throw fail("image_broken", { reason: `its squashfs cannot be mounted: ${(cause as Error).message}` }, cause);
    }
  }

  /** metadata.yaml and the templates belong to each instance: it may change its own. */
  async copyMetadata(fingerprint: string, target: string): Promise<void> {
    const from = this.folder(fingerprint);
    await copyFile(`${from}/metadata.yaml`, `${target}/metadata.yaml`);
    if (existsSync(`${from}/templates`)) await cp(`${from}/templates`, `${target}/templates`, { recursive: true });
  }

  /** Makes an image ready as it is in another pool. */
  async copyFrom(other: ImageLayers, fingerprint: string): Promise<void> {
    if (!existsSync(this.folder(fingerprint))) {
      const [unfinished, from] = [this.#unfinished(), other.folder(fingerprint)];
      mkdirSync(unfinished, { mode: 0o700 });
      try {
        await this.#copyParts(from, unfinished, existsSync(other.#squashfs(fingerprint)));
        await rename(unfinished, this.folder(fingerprint));
      } catch (error) {
        await rm(unfinished, { recursive: true, force: true });
        throw error;
      }
    }
    await this.mountSquashfs(fingerprint);
  }

  async #copyParts(from: string, to: string, squashfs: boolean): Promise<void> {
    for (const name of ["metadata.yaml", "templates"]) {
      if (existsSync(`${from}/${name}`)) await cp(`${from}/${name}`, `${to}/${name}`, { recursive: true });
    }
    if (!squashfs) return copyFiles(`${from}/rootfs`, `${to}/rootfs`);
    mkdirSync(`${to}/rootfs`, { mode: 0o755 });
    await linkOrCopy(`${from}/rootfs.squashfs`, `${to}/rootfs.squashfs`);
  }

  async remove(fingerprint: string): Promise<void> {
    unmountTree(this.rootfs(fingerprint));
    await rm(this.folder(fingerprint), { recursive: true, force: true });
  }

  /** Clears away what a crash left half-made. */
  async removeUnfinished(): Promise<void> {
    for (const entry of readdirSync(this.#root)) {
      // Tools that the last daemon ran die with it, but may write for a moment yet.
      if (entry.startsWith(".new-")) await rm(`${this.#root}/${entry}`, { recursive: true, force: true, maxRetries: 6 });
    }
  }

  async unmountAll(): Promise<void> {
    if (!existsSync(this.#root)) return;
    for (const fingerprint of readdirSync(this.#root)) unmountTree(this.rootfs(fingerprint));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, "EXDEV", "EPERM", "EMLINK")) throw error;
    await copyFile(from, to);
  }
}
