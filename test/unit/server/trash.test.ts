// Throwing files of guests away: whatever they are named, and nothing outside.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Trash } from "../../../server/storage/drivers/trash.ts";

const base = mkdtempSync(join(tmpdir(), "berth-trash-"));
after(() => rmSync(base, { recursive: true }));

/** A tree with a name that is no text, and links to what must stay. */
function makeTree(name: string, files: number): string {
  const tree = join(base, name);
  mkdirSync(join(tree, "below/empty"), { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/below/`), Buffer.from([0xff, 0xfe])]), "");
  for (let i = 0; i < files; i++) writeFileSync(join(tree, `file-${i}`), "x");
  symlinkSync(join(base, "outside"), join(tree, "folder"));
  symlinkSync(join(base, "outside/kept"), join(tree, "link"));
  return tree;
}

test("trees small and large are removed, and what they point to stays", async () => {
  mkdirSync(join(base, "outside"));
  writeFileSync(join(base, "outside/kept"), "here");
  const trash = new Trash(join(base, "trash"));
  trash.open();
  const trees = [makeTree("small", 3), makeTree("large", 300), join(base, "file"), join(base, "sparse")];
  for (const file of trees.slice(2)) writeFileSync(file, "");
  truncateSync(join(base, "sparse"), 2 ** 30);
  for (const path of trees) trash.take(path);
  assert.deepEqual(trees.map(existsSync), [false, false, false, false], "out of the way at once");
  await trash.emptied();
  assert.deepEqual(readdirSync(join(base, "trash")), []);
  assert.deepEqual(readdirSync(join(base, "outside")), ["kept"]);
});
