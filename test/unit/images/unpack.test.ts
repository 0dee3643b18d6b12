import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { unpackImage } from "../../../images/unpack.ts";
import { type HandMember, handmadeImage, handmadeTar, isRoot, makeFolder, metadataText, shell, writeSource } from "./fixtures.ts";

const rootOnly = isRoot ? false : "needs root";

/** Unpacks a handmade unified image beside a file that nobody may touch. */
async function unpackHandmade(t: TestContext, members: readonly HandMember[]): Promise<string> {
  const folder = makeFolder(t);
  const target = join(folder, "target");
  mkdirSync(target);
  writeFileSync(join(folder, "victim"), "untouched");
  t.after(() => existsSync(folder) && assert.equal(readFileSync(join(folder, "victim"), "utf8"), "untouched"));
  writeFileSync(join(folder, "image"), handmadeImage(members));
  await unpackImage({ meta: join(folder, "image") }, target, { rootfs: true });
  assert.equal(readFileSync(join(folder, "victim"), "utf8"), "untouched");
  return target;
}

const brokenBy = (pattern: RegExp) => (error: unknown) => isCode(error, "image_broken") && pattern.test(error.message);

describe("unpacking an image", () => {
  const packers = {
    "plain tar": "tar -C source -cf meta .", xz: "tar -C source -cJf meta metadata.yaml templates rootfs",
    zstd: "tar -C source --zstd -cf meta .", gzip: "tar -C source -czf meta .", bzip2: "tar -C source -cjf meta .",
    "unified squashfs": "mksquashfs source meta -quiet -no-progress",
    "split tar": "tar -C source -cJf meta metadata.yaml templates; tar -C source/rootfs -cf rootfs .",
    "split squashfs": "tar -C source -cJf meta metadata.yaml templates; mksquashfs source/rootfs rootfs -quiet -no-progress",
  };
  for (const [what, line] of Object.entries(packers)) {
    it(`gives the parts of a ${what} image`, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder, 200);
      shell(folder, `chmod 711 source; echo x > source/stranger; ${line}; mkdir -m 700 target bare`);
      const files = { meta: join(folder, "meta"), ...(what.startsWith("split") ? { rootfs: join(folder, "rootfs") } : {}) };
      await unpackImage(files, join(folder, "target"), { rootfs: true });
      assert.deepEqual(readdirSync(join(folder, "target")).sort(), ["metadata.yaml", "rootfs", "templates"]);
      assert.equal(shell(folder, "diff -r source/rootfs target/rootfs && cat target/templates/hostname.tpl"), "{{ container.name }}\n");
      assert.equal(statSync(join(folder, "target")).mode & 0o7777, 0o700);
      await unpackImage(files, join(folder, "bare"), { rootfs: false });
      assert.deepEqual(readdirSync(join(folder, "bare")).sort(), ["metadata.yaml", "templates"]);
    });
  }

  for (const [what, line] of [["tar", "tar -C source --acls --xattrs --xattrs-include='*' -S -cf image ."], ["squashfs", "mksquashfs source image -quiet -no-progress"]]) {
    it(`keeps owners, modes, attributes, holes and devices of ${what}, but no trusted attributes`, { skip: rootOnly }, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder);
      shell(folder, `cd source/rootfs; cp /bin/true su; chown 1234:1235 su; setfattr -n user.a -v 1 su; setfattr -n trusted.overlay.opaque -v y su
        setcap cap_net_raw+ep su; cp su setuid; chmod 6755 setuid; chown 65534:7 etc; ln su hard; ln -s /etc/shadow link; mknod null c 1 3; truncate -s 64M sparse
        cd ../..; ${line}; mkdir target`);
      await unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true });
      const found = (name: string) => lstatSync(join(folder, "target/rootfs", name));
      assert.deepEqual([found("su").uid, found("su").gid, found("su").nlink, found("etc").uid], [1234, 1235, 2, 65534]);
      assert.equal(found("setuid").mode & 0o7777, 0o6755);
      assert.ok(found("link").isSymbolicLink() && found("null").isCharacterDevice());
      assert.deepEqual([found("sparse").size, found("sparse").blocks], [64 * 1024 * 1024, 0]);
      const attributes = shell(folder, "getfattr -d -m - target/rootfs/su; getcap target/rootfs/su");
      assert.match(attributes, /user\.a="1"[^]*cap_net_raw/);
      assert.doesNotMatch(attributes, /trusted/);
    });
  }

  it("tells how much has been read", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder);
    shell(folder, "head -c 120M /dev/urandom > source/rootfs/noise; tar -C source -cf - . | gzip -1 > image; mkdir target");
    const heard: number[] = [];
    await unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true, heard: (bytes) => heard.push(bytes) });
    const all = heard.reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(all > 1_000_000 && all <= statSync(join(folder, "image")).size && heard.every((bytes) => bytes > 0), String(heard));
  });

  it("throws the reason when it is aborted, and leaves no tool behind", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder);
    shell(folder, "truncate -s 1G source/rootfs/zeros; tar -C source -cf - . | zstd -q -1 > image; mkdir target");
    const started = Date.now();
    await assert.rejects(unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true, signal: AbortSignal.timeout(100) }),
      { name: "TimeoutError" });
    assert.ok(Date.now() - started < 2000);
    assert.equal(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(join(folder, "image")), false);
  });

  it("says when the disk is full", { skip: rootOnly }, async (t) => {
    const folder = makeFolder(t);
    writeSource(folder, 3000);
    shell(folder, "tar -C source -cf image.tar .; mksquashfs source image.squashfs -quiet -no-progress >&2; mkdir small");
    try {
      shell(folder, "mount -t tmpfs -o size=1M tmpfs small");
    } catch {
      return t.skip("no right to mount");
    }
    try {
      for (const name of ["image.tar", "image.squashfs"]) {
        const target = join(folder, "small", name);
        mkdirSync(target);
        await assert.rejects(unpackImage({ meta: join(folder, name) }, target, { rootfs: true }), (error) => isCode(error, "disk_full"), name);
        shell(folder, `rm -rf small/${name}`);
      }
    } finally {
      shell(folder, "umount small");
    }
  });

  for (const [format, packer] of [["gzip", "gzip"], ["xz", "xz"], ["zstd", "zstd -q"], ["bzip2", "bzip2"], ["plain tar", "cat"]]) {
    it(`refuses a ${format} file that is cut off`, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder, 600);
      shell(folder, `tar -C source -cf - metadata.yaml templates rootfs | ${packer} | head -c 300000 > image; mkdir target`);
      await assert.rejects(unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true }),
        (error) => isCode(error, "image_broken") && /nexpected|premature|EOF|end/i.test(error.message));
    });
  }

  it("refuses a squashfs with damaged data", async (t) => {
    const folder = makeFolder(t);
    writeSource(folder);
    shell(folder, "seq 300000 > source/rootfs/numbers; mksquashfs source image -quiet -no-progress >&2; mkdir target; head -c 5000 /dev/zero | dd of=image bs=1 seek=50000 conv=notrunc status=none");
    await assert.rejects(unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true }), (error) => isCode(error, "image_broken"));
  });
});

describe("unpacking a hostile image", () => {
  it("refuses members that climb out", async (t) => {
    await assert.rejects(unpackHandmade(t, [{ name: "../victim", data: "x" }]), brokenBy(/\.\.\/victim: Member name contains '\.\.'/));
    await assert.rejects(unpackHandmade(t, [{ name: "rootfs/../../victim", data: "x" }]), brokenBy(/Member name contains/));
  });

  it("takes absolute members as relative ones, and throws them away", async (t) => {
    const target = await unpackHandmade(t, [{ name: "/berth-test-absolute", data: "x" }, { name: "/rootfs/inside", data: "x" }]);
    assert.equal(existsSync("/berth-test-absolute"), false);
    assert.deepEqual(readdirSync(target).sort(), ["metadata.yaml", "rootfs", "templates"]);
  });

  it("does not write through links that lead outside", async (t) => {
    for (const link of ["/tmp", "../../", "../.."]) {
      await assert.rejects(
        unpackHandmade(t, [{ name: "rootfs/out", type: "2", link }, { name: "rootfs/out/victim", data: "x" }]), brokenBy(/rootfs\/out\/victim/), link);
    }
    await assert.rejects(unpackHandmade(t, [
      { name: "rootfs/a", type: "2", link: "b" }, { name: "rootfs/b", type: "2", link: "../.." }, { name: "rootfs/a/victim", data: "x" },
    ]), brokenBy(/rootfs\/a/));
    await unpackHandmade(t, [{ name: "rootfs/file", type: "2", link: "../../victim" }, { name: "rootfs/file", data: "x" }]);
  });

  it("refuses hard links to outside", async (t) => {
    for (const link of ["/etc/shadow", "../victim", "../../victim"]) {
      await assert.rejects(unpackHandmade(t, [{ name: "rootfs/shadow", type: "1", link }]), brokenBy(/rootfs\/shadow: Cannot hard link/), link);
    }
    await assert.rejects(unpackHandmade(t, [
      { name: "rootfs/out", type: "2", link: "/etc" }, { name: "rootfs/shadow", type: "1", link: "rootfs/out/shadow" },
    ]), brokenBy(/Cannot hard link/));
  });

  it("keeps device nodes as what they are", { skip: rootOnly }, async (t) => {
    const target = await unpackHandmade(t, [{ name: "rootfs/sda", type: "4" }, { name: "rootfs/null", type: "3" }]);
    assert.ok(lstatSync(join(target, "rootfs/sda")).isBlockDevice() && lstatSync(join(target, "rootfs/null")).isCharacterDevice());
  });

  it("refuses templates, metadata and rootfs that are links or devices", async (t) => {
    await assert.rejects(unpackHandmade(t, [{ name: "templates/a.tpl", type: "2", link: "/etc/shadow" }]), brokenBy(/templates\/a.tpl is not a regular file/));
    if (isRoot) await assert.rejects(unpackHandmade(t, [{ name: "templates/a.tpl", type: "3" }]), brokenBy(/templates\/a.tpl is not a regular file/));
    await assert.rejects(unpackHandmade(t, [{ name: "metadata.yaml", type: "2", link: "/etc/shadow" }]), brokenBy(/metadata.yaml is not a regular file/));
    for (const [name, reason] of [["templates", /templates is not a directory/], ["rootfs", /rootfs is not a directory/]] as const) {
      const folder = makeFolder(t);
      mkdirSync(join(folder, "target"));
      const other = name === "templates" ? "rootfs/" : "templates/";
      writeFileSync(join(folder, "image"), handmadeTar([
        { name: "metadata.yaml", data: metadataText }, { name: other, type: "5" }, { name, type: "2", link: "/etc" },
      ]));
      await assert.rejects(unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true }), brokenBy(reason));
    }
  });

  it("does not unpack a split rootfs through a link in the metadata archive", async (t) => {
    for (const name of ["rootfs", "./rootfs", ".//rootfs", "/rootfs"]) {
      const folder = makeFolder(t);
      shell(folder, "mkdir target outside");
      writeFileSync(join(folder, "meta"), handmadeTar([{ name: "metadata.yaml", data: metadataText }, { name, type: "2", link: "../outside" }]));
      writeFileSync(join(folder, "rootfs"), handmadeTar([{ name: "./", type: "5" }, { name: "./etc", type: "5" }]));
      await unpackImage({ meta: join(folder, "meta"), rootfs: join(folder, "rootfs") }, join(folder, "target"), { rootfs: true });
      assert.deepEqual([readdirSync(join(folder, "outside")), readdirSync(join(folder, "target/rootfs"))], [[], ["etc"]], name);
    }
  });
});
