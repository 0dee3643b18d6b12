import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { architectureOf, parseRelease } from "../../../images/bare.ts";
import { extractArchive } from "../../../images/extract.ts";
import { inspectImage } from "../../../images/inspect.ts";
import { run } from "../../../server/host/run.ts";
import { isCode } from "../../../server/api/errors.ts";
import { isRoot, makeFolder, shell, writeTree } from "./fixtures.ts";

const release = 'PRETTY_NAME="Test OS 7 (seven)"\nID=testos\nVERSION_ID="7"\nBAD=$(id)\n';

describe("a root file system without metadata.yaml", () => {
  for (const [what, line] of [["plain tar", "tar -C tree -cf image ."], ["xz", "tar -C tree -cJf image etc usr"], ["zstd", "tar -C tree --zstd -cf image ."]] as const) {
    it(`is taken as a ${what}, with metadata made up from what it holds`, async (t) => {
      const folder = makeFolder(t);
      writeTree(join(folder, "tree"), { "usr/lib/os-release": release, "etc/passwd": "root:x:0:0\n", "usr/bin/script": "#!/bin/sh\n" });
      shell(folder, `ln -s ../usr/lib/os-release tree/etc/os-release; cp /bin/true tree/usr/bin/true; find tree | xargs touch -h -d @1500000000; ${line}`);
      const { metadata, layout, rootfs } = await inspectImage({ meta: join(folder, "image") }, run);
      const architecture = architectureOf(await import("node:fs").then(({ readFileSync }) => readFileSync("/bin/true")));
      assert.deepEqual([layout, rootfs, metadata.architecture, metadata.creation_date, metadata.templates], ["bare", "tar", architecture, 1_500_000_000, {}]);
      assert.deepEqual([metadata.properties["os"], metadata.properties["release"], metadata.properties["description"]], ["testos", "7", `Test OS 7 (seven) ${architecture} (20170714)`]);
      assert.match(metadata.properties["metadata.origin"] ?? "", /made up/);
    });
  }

  it("is not seen in any tarball", async (t) => {
    const folder = makeFolder(t);
    writeTree(join(folder, "tree"), { "home/file": "x", "README": "hello" });
    shell(folder, "tar -C tree -cf image .");
    await assert.rejects(inspectImage({ meta: join(folder, "image") }, run), /metadata.yaml is missing/);
  });

  it("tells its release by plain values only", () => {
    assert.deepEqual([...parseRelease("ID='x y'\nA=\"b\"\nC=d e\nlower=1\nD=\"a\tb\"\n")], [["ID", "x y"], ["A", "b"], ["D", "ab"]]);
  });
});

describe("what an image may unpack to", () => {
  for (const [what, line] of [["tar", "tar -C tree -czf image ."], ["squashfs", "mksquashfs tree image -quiet -no-progress"]] as const) {
    it(`is bounded for a ${what}`, { skip: isRoot ? false : "needs root" }, async (t) => {
      const folder = makeFolder(t);
      mkdirSync(join(folder, "tree"));
      shell(folder, `yes | head -c 300M > tree/bomb; ${line}; mkdir target`);
      const unpacking = extractArchive(join(folder, "image"), what === "tar" ? "gzip" : "squashfs", join(folder, "target"), { limits: { floor: 2 ** 20, ratio: 2 } });
      await assert.rejects(unpacking, (error) => isCode(error, "image_too_large"));
    });
  }
});
