// An image of squashfs where the kernel cannot use it as a layer: it is unpacked instead of mounted.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { after, test } from "node:test";
import { isMountPoint } from "../../server/host/mounts.ts";
import { ImageLayers } from "../../server/storage/drivers/image-layers.ts";
import { makeFolder } from "../helpers/folder.ts";
import { busyboxImages } from "../helpers/images.ts";

const folder = makeFolder();
const root = `${folder}/images`;
mkdirSync(root);
const layers = new ImageLayers(root);
const [meta = "", rootfs = ""] = (await busyboxImages()).squashfs;
const fingerprint = createHash("sha256").update(readFileSync(rootfs)).digest("hex");
const image = { fingerprint, meta, rootfs, rootfsFormat: "squashfs" } as const;

after(async () => {
  await layers.unmountAll();
  await rm(folder, { recursive: true, force: true });
});

test("a squashfs that can be a layer is mounted", async () => {
  await layers.ensure(image, () => true);
  assert.equal(isMountPoint(layers.rootfs(fingerprint)), true);
});

test("one that can't is unpacked in its place, and is not mounted any more", async () => {
  await layers.ensure(image, () => false);
  assert.equal(isMountPoint(layers.rootfs(fingerprint)), false);
  assert.equal(existsSync(`${layers.rootfs(fingerprint)}/bin/busybox`), true);
  assert.equal(existsSync(`${layers.folder(fingerprint)}/rootfs.squashfs`), false);
});

test("an unpacked one is taken as it is from then on", async () => {
  await layers.ensure(image, () => assert.fail("there is nothing to ask about"));
  assert.equal(isMountPoint(layers.rootfs(fingerprint)), false);
});
