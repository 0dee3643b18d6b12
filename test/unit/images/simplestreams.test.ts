import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { parseIndex, parseProducts } from "../../../images/simplestreams/documents.ts";
import { findStreamImage } from "../../../images/simplestreams/find.ts";

const hash = (letter: string) => letter.repeat(64);
const url = "https://images.example";
const broken = (error: unknown) => isCode(error, "stream_broken");

const file = (ftype: string, letter: string, more: object = {}) => ({ ftype, path: `images/${ftype}-${letter}`, sha256: hash(letter), size: 1000, ...more });

function product(more: object = {}, versions: object = {}) {
  return {
    aliases: "debian/12,debian/bookworm", arch: "amd64", os: "Debian", release: "bookworm", release_title: "12 bookworm", variant: "default", lxd_requirements: { cgroup: "v2" },
    versions: {
      "20260101_05:24": { items: { "lxd.tar.xz": file("lxd.tar.xz", "1", { combined_squashfs_sha256: hash("a"), combined_rootxz_sha256: hash("b"), combined_sha256: hash("c") }), squashfs: file("squashfs", "2", { size: 5000 }), root: file("root.tar.xz", "3") } },
      ...versions,
    },
    ...more,
  };
}
const list = (products: object) => parseProducts(JSON.stringify({ products }), url);

describe("the index of a simplestreams server", () => {
  it("names the lists of images that are not empty", () => {
    const index = { a: { datatype: "image-downloads", path: "streams/v1/images.json", products: ["x"] }, b: { datatype: "image-ids", path: "no", products: ["x"] }, c: { datatype: "image-downloads", path: "empty", products: [] } };
    assert.deepEqual(parseIndex(JSON.stringify({ index, format: "index:1.0" }), url), ["streams/v1/images.json"]);
  });
  it("is refused when it is none", () => {
    for (const text of ["", "<html>", "[]", "{}", '{"index":[]}', "null"]) assert.throws(() => parseIndex(text, url), broken, text);
  });
});

describe("the products of a simplestreams server", () => {
  it("are images by the fingerprint that stands beside the metadata", () => {
    const [one, two] = list({ p: product() });
    assert.deepEqual([one?.fingerprint, one?.root?.path, one?.size, two?.fingerprint], [hash("a"), "images/squashfs-2", 6000, hash("b")]);
    assert.deepEqual(one?.properties, {
      os: "Debian", release: "bookworm", architecture: "amd64", serial: "20260101_05:24", description: "Debian 12 bookworm amd64 (20260101_05:24)", variant: "default", type: "squashfs", "requirements.cgroup": "v2",
    });
    assert.deepEqual([one?.architecture, one?.createdAt, one?.filename, one?.names], ["x86_64", Date.UTC(2026, 0, 1), "lxd.tar.xz-1", ["debian/12", "debian/bookworm"]]);
  });

  it("may have Incus' metadata, old fingerprints, or all in one file", () => {
    const items = (all: object[]) => ({ "20260101": { items: Object.fromEntries(all.map((item, i) => [i, item])) } });
    assert.equal(list({ p: product({ versions: items([file("incus.tar.xz", "1", { combined_squashfs_sha256: hash("d") }), file("squashfs", "2")]) }) })[0]?.fingerprint, hash("d"));
    assert.equal(list({ p: product({ versions: items([file("lxd.tar.xz", "1", { combined_sha256: hash("e") }), file("root.tar.xz", "2")]) }) })[0]?.fingerprint, hash("e"));
    const [unified] = list({ p: product({ versions: items([file("lxd_combined.tar.gz", "f")]) }) });
    assert.deepEqual([unified?.fingerprint, unified?.root, unified?.properties["type"]], [hash("f"), undefined, "tar.gz"]);
    const both = items([file("incus.tar.xz", "1", { combined_squashfs_sha256: hash("d") }), file("lxd.tar.xz", "3", { combined_squashfs_sha256: hash("e") }), file("squashfs", "2")]);
    assert.deepEqual(list({ p: product({ versions: both }) }).map(({ fingerprint }) => fingerprint), [hash("e")]);
  });

  it("are passed over where they make no sense, or are for machines", () => {
    const meta = file("lxd.tar.xz", "1", { combined_squashfs_sha256: hash("a"), "combined_disk-kvm-img_sha256": hash("b") });
    const odd = {
      "no day": { versions: { current: { items: { m: meta, r: file("squashfs", "2") } } } }, "no fingerprint": { versions: { "20260101": { items: { m: file("lxd.tar.xz", "1"), r: file("squashfs", "2") } } } },
      "no root": { versions: { "20260101": { items: { m: meta } } } }, "a disk": { versions: { "20260101": { items: { m: meta, d: file("disk-kvm.img", "3") } } } },
      "no path": { versions: { "20260101": { items: { m: meta, r: { ...file("squashfs", "2"), path: 7 } } } } }, "a bad hash": { versions: { "20260101": { items: { m: meta, r: { ...file("squashfs", "2"), sha256: "x" } } } } },
      "a list": { versions: [] }, "nothing": { versions: null },
    };
    for (const [what, more] of Object.entries(odd)) assert.deepEqual(list({ p: product(more) }), [], what);
    assert.deepEqual(list({ p: 7, q: null }), []);
    for (const text of ["", "[]", "\"x\""]) assert.throws(() => parseProducts(text, url), broken, text);
  });
});

describe("finding an image", () => {
  const older = { "20251201": { items: { m: file("lxd.tar.xz", "4", { combined_squashfs_sha256: hash("7") }), r: file("squashfs", "5") } } };
  const arm = product({ arch: "arm64", versions: { "20260101": { items: { m: file("lxd.tar.xz", "6", { combined_squashfs_sha256: hash("8") }), r: file("squashfs", "7") } } } });
  const images = list({ old: product({}, older), arm });
  const find = (name: string, architectures = ["x86_64", "i686"], server = url) => findStreamImage(images, name, server, architectures)?.fingerprint;

  it("by alias gives the newest squashfs for this machine", () => {
    assert.deepEqual([find("debian/12"), find("debian/bookworm/amd64"), find("debian/12", ["aarch64"])], [hash("a"), hash("a"), hash("8")]);
  });
  it("by alias with an architecture gives that one", () => {
    assert.equal(find("debian/12/arm64"), hash("8"));
  });
  it("by fingerprint gives any, when it is told apart", () => {
    assert.deepEqual([find(hash("7")), find("777777"), find("77777"), find("zzzzzzzz")], [hash("7"), hash("7"), undefined, undefined]);
  });
  it("knows that Ubuntu's own server need not say ubuntu", () => {
    const ubuntu = list({ u: product({ aliases: "ubuntu/24.04,24.04,n" }) });
    assert.equal(findStreamImage(ubuntu, "24.04", "https://cloud-images.ubuntu.com/releases", ["x86_64"])?.fingerprint, hash("a"));
    assert.equal(findStreamImage(ubuntu, "ubuntu/24.04", url, ["x86_64"])?.fingerprint, hash("a"));
  });
  it("finds nothing for what there is not", () => {
    for (const name of ["", "debian", "debian/12/riscv64", "../etc", "constructor"]) assert.equal(find(name), undefined, name);
  });
});
