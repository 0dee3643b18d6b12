import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compression } from "../../../server/api/config-keys/compression.ts";
import { inspectImage } from "../../../images/inspect.ts";
import { packImage } from "../../../images/pack.ts";
import { unpackImage } from "../../../images/unpack.ts";
import { run } from "../../../server/host/run.ts";
import { isRoot, makeFolder, metadataText, shell, writeSource } from "./fixtures.ts";

const rootOnly = isRoot ? false : "needs root";
const never = new AbortController().signal;
const sourceIn = (folder: string) => ({
  metadata: metadataText, templates: new Map([["hostname.tpl", Buffer.from("{{ container.name }}\n")]]), rootfs: join(folder, "source/rootfs"), namespace: undefined, mtime: 1424284563,
});

describe("packing an image", () => {
  for (const compression of ["none", "gzip", "gzip -9", "bzip2 -1", "xz -1", "lzma -1", "zstd -3", "squashfs"]) {
    it(`by ${compression} gives an image that unpacks to the same`, { skip: rootOnly }, async (t) => {
      const folder = makeFolder(t);
      writeSource(folder, 3000);
      const target = join(folder, "image");
      const { fingerprint, size } = await packImage(sourceIn(folder), target, { compression, signal: never });
      const bytes = readFileSync(target);
      assert.deepEqual([fingerprint, size], [createHash("sha256").update(bytes).digest("hex"), bytes.length]);
      assert.equal((await inspectImage({ meta: target }, run)).layout, "unified");
      mkdirSync(join(folder, "target"));
      await unpackImage({ meta: target }, join(folder, "target"), { rootfs: true });
      assert.equal(shell(folder, "diff -r source/rootfs target/rootfs && cat target/templates/hostname.tpl"), "{{ container.name }}\n");
    });
  }

  it("keeps owners, modes, attributes, ACLs, links, holes and devices, and leaves sockets out", { skip: rootOnly }, async (t) => {
    const folder = makeFolder(t);
    writeSource(folder);
    shell(folder, `cd source/rootfs; cp /bin/true su; chown 1234:1235 su; setfattr -n user.a -v 1 su; setfattr -n trusted.secret -v y su; setcap cap_net_raw+ep su
      setfacl -m u:77:r su; ln su hard; ln su .hidden; ln -s ./su link; ln -s /etc/shadow out; mknod null c 1 3; truncate -s 64M sparse; mkfifo fifo
      python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'; mkdir -m 1777 tmp; touch ./-dash "new
line"`);
    const { size } = await packImage(sourceIn(folder), join(folder, "image"), { compression: "none", signal: never });
    assert.ok(size < 2_000_000, `${size} bytes: holes are packed as holes`);
    mkdirSync(join(folder, "target"));
    await unpackImage({ meta: join(folder, "image") }, join(folder, "target"), { rootfs: true });
    const found = (name: string) => lstatSync(join(folder, "target/rootfs", name));
    assert.deepEqual([found("su").uid, found("su").gid, found("su").nlink, found("hard").ino === found("su").ino], [1234, 1235, 3, true]);
    assert.deepEqual([found("null").isCharacterDevice(), found("fifo").isFIFO(), found("tmp").mode & 0o7777, found("sparse").size], [true, true, 0o1777, 64 * 2 ** 20]);
    assert.ok(found("sparse").blocks < 100);
    assert.equal(existsSync(join(folder, "target/rootfs/sock")), false);
    assert.equal(shell(folder, "cd target/rootfs; readlink link out; getfattr --only-values -n user.a su; getfattr -d -m trusted su; getcap su | cut -d' ' -f2; getfacl -cn su | grep 77; ls ./-dash new*"),
      "./su\n/etc/shadow\n1cap_net_raw=ep\nuser:77:r--\n./-dash\nnew\nline\n");
  });

  it("gives the same bytes for the same files", { skip: rootOnly }, async (t) => {
    const folder = makeFolder(t);
    writeSource(folder, 2500);
    const [one, two] = [await packImage(sourceIn(folder), join(folder, "one"), { compression: "gzip", signal: never }), await packImage(sourceIn(folder), join(folder, "two"), { compression: "gzip", signal: never })];
    assert.equal(one.fingerprint, two.fingerprint);
  });

  it("stops when it is told to, and says when a program fails", { skip: rootOnly }, async (t) => {
    const folder = makeFolder(t);
    writeSource(folder, 8000);
    for (const compression of ["gzip", "xz", "squashfs"]) {
      const stop = new AbortController();
      const packing = packImage(sourceIn(folder), join(folder, `stopped-${compression}`), { compression, signal: stop.signal, packed: (bytes) => bytes > 4096 && stop.abort(new Error("enough")) });
      await assert.rejects(packing, /enough|abort/i);
    }
    await assert.rejects(packImage({ ...sourceIn(folder), rootfs: join(folder, "nowhere") }, join(folder, "x"), { compression: "gzip", signal: never }), /tar|ENOENT|setpriv/);
    await assert.rejects(packImage(sourceIn(folder), "/dev/full", { compression: "none", signal: never }), /ENOSPC/);
    assert.equal(statSync(join(folder, "source/rootfs")).isDirectory(), true);
  });
});

describe("images.compression_algorithm", () => {
  it("takes what is in its table, and nothing that a program could misunderstand", () => {
    for (const good of ["none", "gzip", "gzip -9 -n", "xz -9e", "xz -T2", "zstd -19", "zstd --long=27", "lzma -0", "bzip2 -9", "squashfs", "pigz -1"]) assert.equal(compression(good), undefined, good);
    for (const bad of ["", "lz4", "gzip -c", "gzip;id", "gzip $(id)", "xz --files=/etc/passwd", "zstd -o/etc/x", "zstd --patch-from=/etc/shadow", "squashfs -ef x", "constructor", "gzip -1\n-d", "/bin/gzip", "gzip -10", `gzip${" -1".repeat(9)}`]) {
      if (bad !== "gzip -1\n-d") assert.ok(compression(bad), bad);
      else assert.match(compression(bad) ?? "", /-d/);
    }
  });
});
