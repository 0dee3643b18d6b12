import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { readMember } from "../../../images/archive.ts";
import { detectFileFormat } from "../../../images/compression.ts";
import { fingerprintFiles } from "../../../images/fingerprint.ts";
import { handmadeTar, makeFolder, metadataText, shell, writeSource } from "./fixtures.ts";

const packers = { tar: "cat", gzip: "gzip", xz: "xz -T0", lzma: "xz --format=lzma", bzip2: "bzip2", zstd: "zstd -q" };

describe("reading a member", () => {
  for (const [format, packer] of Object.entries(packers)) {
    it(`finds metadata.yaml in ${format}, first or last, with and without ./`, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder, 300);
      for (const members of ["metadata.yaml rootfs", "rootfs ./metadata.yaml"]) {
        shell(folder, `tar -C source -cf - ${members} | ${packer} > image`);
        assert.equal(await detectFileFormat(join(folder, "image")), format);
        assert.equal((await readMember(join(folder, "image"), "metadata.yaml", { limit: 1000 }))?.toString(), metadataText);
      }
      assert.equal(await readMember(join(folder, "image"), "nothing", { limit: 1000 }), undefined);
    });
  }

  for (const format of ["gnu", "pax", "ustar"]) {
    it(`passes over long names and sparse files in the ${format} format`, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder);
      shell(folder, `mkdir -p source/rootfs/${"d".repeat(90)}/${"e".repeat(50)}; touch source/rootfs/${"d".repeat(90)}/${"e".repeat(50)}/${"f".repeat(90)}`);
      if (format !== "ustar") shell(folder, "for i in $(seq 60); do truncate -s ${i}M source/rootfs/sparse; echo x >> source/rootfs/sparse; done");
      shell(folder, `tar -C source ${format === "ustar" ? "" : "-S"} --format=${format} -cf image rootfs metadata.yaml`);
      assert.equal((await readMember(join(folder, "image"), "metadata.yaml", { limit: 1000 }))?.toString(), metadataText);
    });
  }

  for (const format of ["gzip", "xz", "zstd", "bzip2"] as const) {
    it(`tells that a ${format} file is cut off`, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder, 300);
      shell(folder, `tar -C source -cf - rootfs metadata.yaml | ${packers[format]} | head -c 200000 > image`);
      await assert.rejects(readMember(join(folder, "image"), "metadata.yaml", { limit: 1000 }), (error) => isCode(error, "image_broken"));
    });
  }

  it("tells that a plain tarball is cut off or damaged", async (t) => {
    const image = join(makeFolder(t), "image");
    const whole = handmadeTar([{ name: "a", data: "x".repeat(2000) }, { name: "metadata.yaml", data: metadataText }]);
    for (const bytes of [whole.subarray(0, 1500), whole.subarray(0, 2600), whole.subarray(0, 3072)]) {
      writeFileSync(image, bytes);
      await assert.rejects(readMember(image, "metadata.yaml", { limit: 1000 }), /truncated/);
    }
    whole[2560] = 0x41;
    writeFileSync(image, whole);
    await assert.rejects(readMember(image, "metadata.yaml", { limit: 1000 }), /wrong checksum/);
  });

  it("refuses a member that is too large or no file", async (t) => {
    const image = join(makeFolder(t), "image");
    writeFileSync(image, handmadeTar([{ name: "big", data: "x".repeat(2000) }, { name: "link", type: "2", link: "/etc/shadow" }]));
    await assert.rejects(readMember(image, "big", { limit: 1999 }), /big is larger than 1999 bytes/);
    await assert.rejects(readMember(image, "link", { limit: 1999 }), /link is not a regular file/);
  });

  it("refuses a file that is no archive", async (t) => {
    const image = join(makeFolder(t), "image");
    writeFileSync(image, "#!/bin/sh\n");
    await assert.rejects(readMember(image, "a", { limit: 1 }), (error) => isCode(error, "image_broken"));
  });
});

describe("the fingerprint", () => {
  it("is the SHA-256 of the files one after the other", async (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, "a"), "abc");
    writeFileSync(join(folder, "b"), "def");
    const both = shell(folder, "cat a b | sha256sum").slice(0, 64);
    assert.equal(await fingerprintFiles([join(folder, "a"), join(folder, "b")]), both);
    assert.equal(readFileSync(join(folder, "a"), "utf8"), "abc");
  });
});
