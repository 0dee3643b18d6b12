// Warnings in the database: one row for each thing, counted; over and new again; forgotten a day after.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Db, openDatabase } from "../../../server/db/open.ts";
import { kindOf, Warnings } from "../../../server/warnings/warnings.ts";

let db: Db;
let warnings: Warnings;
beforeEach(() => {
  db = openDatabase(":memory:");
  warnings = new Warnings(db);
});
afterEach(() => db.close());

const shown = () => warnings.list().map(({ type, status, count, message }) => [type, status, count, message]);

test("what is seen again is counted, each thing by itself", () => {
  warnings.raise("apparmor_missing", "first");
  warnings.raise("apparmor_missing", "second");
  warnings.raise("apparmor_missing", "of a project", { project: "default" });
  assert.deepEqual(shown(), [["apparmor_missing", "new", 2, "second"], ["apparmor_missing", "new", 1, "of a project"]]);
  assert.deepEqual(warnings.counts(), [{ severity: "low", status: "new", count: 2 }]);
});

test("what is over can come again; what is acknowledged stays so", () => {
  warnings.raise("lxcfs_missing", "gone");
  warnings.resolve("lxcfs_missing");
  assert.deepEqual(shown(), [["lxcfs_missing", "resolved", 1, "gone"]]);
  warnings.set("lxcfs_missing", "gone again");
  assert.deepEqual(shown(), [["lxcfs_missing", "new", 2, "gone again"]]);
  warnings.store.setStatus(warnings.list()[0]?.uuid ?? "", "acknowledged");
  warnings.raise("lxcfs_missing", "still");
  assert.equal(warnings.list()[0]?.status, "acknowledged");
  warnings.set("lxcfs_missing", undefined);
  assert.equal(warnings.list()[0]?.status, "resolved");
  warnings.resolve("idmap_missing"); // there is none
  assert.equal(warnings.list().length, 1);
});

test("work that fails raises its warning and fails; work that succeeds resolves it", async () => {
  await assert.rejects(warnings.watch("proxies_failed", {}, () => Promise.reject(new Error("no way"))), /no way/);
  assert.deepEqual(shown(), [["proxies_failed", "new", 1, "no way"]]);
  assert.equal(await warnings.watch("proxies_failed", {}, async () => 5), 5);
  assert.equal(warnings.list()[0]?.status, "resolved");
});

test("a day after it was over a warning is forgotten, one that is not over never", () => {
  warnings.raise("lxcfs_missing", "over");
  warnings.resolve("lxcfs_missing");
  warnings.raise("idmap_missing", "goes on");
  const hours = (count: number) => db.prepare("UPDATE warnings SET updated_at = ?").run(Date.now() - count * 3_600_000);
  hours(23);
  assert.equal(warnings.list().length, 2);
  hours(25);
  assert.deepEqual(shown(), [["idmap_missing", "new", 1, "goes on"]]);
});

test("a warning goes with what it is about", () => {
  const { lastInsertRowid } = db.prepare("INSERT INTO storage_pools (name, driver) VALUES ('p', 'dir')").run();
  warnings.raise("pool_unavailable", "away", { pool: Number(lastInsertRowid) });
  assert.equal(warnings.list()[0]?.pool, "p");
  db.prepare("DELETE FROM storage_pools").run();
  assert.deepEqual(warnings.list(), []);
});

test("a database that cannot be written keeps nobody from what he is at", () => {
  db.pragma("query_only = ON");
  warnings.raise("lxcfs_missing", "unheard");
  db.pragma("query_only = OFF");
  assert.deepEqual(shown(), []);
});

test("a type of a newer berthd is shown by its name", () => {
  assert.deepEqual(kindOf("from_the_future"), { text: "from_the_future", severity: "low" });
});
