import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { viewImages } from "../../../images/simplestreams/browse.ts";
import { parseIndex, parseProducts } from "../../../images/simplestreams/documents.ts";
import { updateTree } from "../../../images/simplestreams/tree.ts";
import { makeFolder, shell, writeTree } from "./fixtures.ts";

/** A unified image of that day. */
function makeImage(folder: string, name: string, day: number, properties = "os: Tiny OS"): string {
  writeTree(folder, { "src/metadata.yaml": `architecture: amd64\ncreation_date: ${day * 86_400}\nproperties: {${properties}}\n`, "src/rootfs/etc/name": name });
  shell(folder, `tar -czf ${name}.tar.gz -C src metadata.yaml rootfs`);
  return join(folder, `${name}.tar.gz`);
}

const list = (tree: string) => readFileSync(join(tree, "streams/v1/images.json"), "utf8");
const images = (tree: string) => viewImages(parseProducts(list(tree), "x"), "x86_64");

test("what is written is what other clients read", async (t) => {
  const folder = makeFolder(t);
  const tree = join(folder, "tree");
  const [report] = await updateTree(tree, [{ files: [makeImage(folder, "one", 20_000)], aliases: ["tiny/1", "tiny"] }], 2);
  assert.deepEqual(parseIndex(readFileSync(join(tree, "streams/v1/index.json"), "utf8"), "x"), ["streams/v1/images.json"]);
  const [image] = images(tree);
  assert.deepEqual([image?.fingerprint, image?.architecture, image?.properties["os"], image?.aliases.map(({ name }) => name), image?.created_at.slice(0, 10)],
    [report?.fingerprint, "x86_64", "Tiny OS", ["tiny/1", "tiny/1/amd64", "tiny", "tiny/amd64"], "2024-10-04"]);
  assert.equal(report?.product, "tiny:1:amd64");
});

test("an image without names gets those of what it says of itself", async (t) => {
  const folder = makeFolder(t);
  const [report] = await updateTree(join(folder, "tree"), [{ files: [makeImage(folder, "one", 1, "os: Debian, release: trixie, variant: Cloud Image")], aliases: [] }], 2);
  assert.deepEqual(report?.aliases, ["debian/trixie/cloud-image"]);
});

test("newer versions come, the oldest go with their files, and a name moves to whom it was given last", async (t) => {
  const folder = makeFolder(t);
  const tree = join(folder, "tree");
  for (const day of [1, 3, 2]) await updateTree(tree, [{ files: [makeImage(folder, `day${day}`, day)], aliases: ["tiny"] }], 2);
  const [product] = Object.values(JSON.parse(list(tree)).products) as { versions: object }[];
  assert.deepEqual(Object.keys(product?.versions ?? {}), ["19700104_00:00", "19700103_00:00"]);
  writeFileSync(join(tree, "images/somebody's own.txt"), "");
  await updateTree(tree, [{ files: [makeImage(folder, "other", 5, "os: other")], aliases: ["other"] }], 2);
  await updateTree(tree, [{ files: [makeImage(folder, "other", 5, "os: other")], aliases: ["other", "tiny"], properties: { os: "renamed" } }], 2);
  assert.deepEqual(images(tree).filter(({ aliases }) => aliases.some(({ name }) => name === "tiny")).map(({ properties }) => properties["serial"]).length, 1);
  assert.deepEqual(readdirSync(join(tree, "images")).length, 4);
});

test("a list that is none is not written over", async (t) => {
  const folder = makeFolder(t);
  writeTree(folder, { "tree/streams/v1/images.json": "no" });
  await assert.rejects(updateTree(join(folder, "tree"), [], 2), /it is no list of products/);
  assert.equal(list(join(folder, "tree")), "no");
});
