import assert from "node:assert/strict";
import { truncateSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { run } from "../../../server/host/run.ts";
import { type ImageFiles, inspectImage } from "../../../images/inspect.ts";
import { handmadeImage, handmadeTar, makeFolder, metadataText, shell, writeSource } from "./fixtures.ts";

const packImages = `
tar -C source -cf unified.tar . ; tar -C source -cJf unified.tar.xz metadata.yaml templates rootfs
tar -C source -czf unified.tar.gz . ; tar -C source --zstd -cf unified.tar.zst . ; tar -C source -cjf unified.tar.bz2 .
tar -C source -cJf meta.tar.xz metadata.yaml templates; tar -C source/rootfs -cJf rootfs.tar.xz .
mksquashfs source unified.squashfs -quiet -no-progress >&2; mksquashfs source/rootfs rootfs.squashfs -quiet -no-progress >&2`;

const brokenBy = (pattern: RegExp) => (error: unknown) => isCode(error, "image_broken") && pattern.test(error.message);

describe("inspecting an image", () => {
  const whole: [ImageFiles, string, string][] = [
    [{ meta: "unified.tar" }, "unified", "tar"], [{ meta: "unified.tar.xz" }, "unified", "tar"],
    [{ meta: "unified.squashfs" }, "unified", "squashfs"],
    [{ meta: "meta.tar.xz", rootfs: "rootfs.tar.xz" }, "split", "tar"],
    [{ meta: "meta.tar.xz", rootfs: "rootfs.squashfs" }, "split", "squashfs"],
  ];
  it("tells the layouts apart", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder, 100);
    shell(folder, packImages);
    for (const [files, layout, rootfs] of whole) {
      const here = { meta: join(folder, files.meta), ...(files.rootfs ? { rootfs: join(folder, files.rootfs) } : {}) };
      const found = await inspectImage(here, run);
      assert.deepEqual([found.layout, found.rootfs, found.metadata.architecture], [layout, rootfs, "x86_64"], JSON.stringify(files));
    }
  });

  it("notices files that were cut off", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder, 600);
    shell(folder, packImages);
    for (const name of ["unified.tar", "unified.tar.xz", "unified.tar.zst", "unified.tar.bz2", "unified.squashfs"]) {
      truncateSync(join(folder, name), statSync(join(folder, name)).size - 20_000);
      await assert.rejects(inspectImage({ meta: join(folder, name) }, run), brokenBy(/truncated/), name);
    }
    for (const name of ["rootfs.tar.xz", "rootfs.squashfs"]) {
      truncateSync(join(folder, name), statSync(join(folder, name)).size - 20_000);
      await assert.rejects(inspectImage({ meta: join(folder, "meta.tar.xz"), rootfs: join(folder, name) }, run), brokenBy(/the rootfs .* is truncated/));
    }
  });

  it("refuses images without metadata, without rootfs, or with the parts swapped", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder);
    shell(folder, `${packImages}; mksquashfs source/etc empty.squashfs -quiet -no-progress >&2 || mksquashfs source/templates none.squashfs -quiet -no-progress >&2`);
    const at = (name: string) => join(folder, name);
    await assert.rejects(inspectImage({ meta: at("rootfs.tar.xz") }, run), brokenBy(/metadata.yaml is missing/));
    await assert.rejects(inspectImage({ meta: at("meta.tar.xz") }, run), brokenBy(/rootfs is missing/));
    await assert.rejects(inspectImage({ meta: at("rootfs.squashfs") }, run), brokenBy(/metadata.yaml is missing/));
    await assert.rejects(inspectImage({ meta: at("rootfs.tar.xz"), rootfs: at("meta.tar.xz") }, run), brokenBy(/metadata.yaml is missing/));
    writeFileSync(at("text"), "hello");
    await assert.rejects(inspectImage({ meta: at("text") }, run), brokenBy(/neither a tarball/));
    await assert.rejects(inspectImage({ meta: at("meta.tar.xz"), rootfs: at("text") }, run), brokenBy(/the rootfs is neither/));
    shell(folder, "echo hello | xz > text.xz");
    await assert.rejects(inspectImage({ meta: at("meta.tar.xz"), rootfs: at("text.xz") }, run), brokenBy(/truncated|checksum/));
  });

  it("refuses metadata that is a link, and metadata that says nonsense", async (t) => {
    const image = join(makeFolder(t), "image");
    writeFileSync(image, handmadeTar([{ name: "metadata.yaml", type: "2", link: "/etc/passwd" }, { name: "rootfs/", type: "5" }]));
    await assert.rejects(inspectImage({ meta: image }, run), brokenBy(/metadata.yaml is not a regular file/));
    writeFileSync(image, handmadeTar([{ name: "./metadata.yaml", data: "architecture: x86_64\n" }, { name: "rootfs/", type: "5" }]));
    await assert.rejects(inspectImage({ meta: image }, run), brokenBy(/"creation_date" is missing/));
    writeFileSync(image, handmadeImage([{ name: "metadata.yaml", data: metadataText }]));
    await inspectImage({ meta: image }, run);
  });

  it("stops when it is aborted", async (t) => {
    const image = join(makeFolder(t), "image");
    writeFileSync(image, handmadeImage([]));
    await assert.rejects(inspectImage({ meta: image }, run, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  });
});
