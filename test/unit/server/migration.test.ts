// The messages of a move between servers, and tarballs that are walked along as they come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { decodeHeader, decodeVerdict, encodeHeader, encodeVerdict, type Header, NO_CRIU, RSYNC } from "../../../server/instances/migration/header.ts";
import { field, readFields } from "../../../server/instances/migration/protobuf.ts";
import { parseIndex, shiftOf } from "../../../server/instances/backups/index-file.ts";

const header: Header = {
  fs: RSYNC, criu: NO_CRIU, idmap: { uid: [{ inside: 0, outside: 3_000_000_000, count: 65536 }], gid: [{ inside: 5, outside: 1_000_005, count: 7 }] },
  snapshotNames: ["s0", "ä"], refresh: true, indexVersion: 1, berth: 1, rsync: { xattrs: true, delete: true, compress: false, bidirectional: true },
  snapshots: [{
    name: "s0", config: { "user.a": "1", "user.empty": "" }, devices: { root: { type: "disk", path: "/" } }, profiles: ["default", "p"], ephemeral: true,
    architecture: "x86_64", createdAt: new Date(1_700_000_000_000), expiresAt: undefined,
  }],
};

test("a header says what it was made of, and its bytes are LXD's", () => {
  assert.deepEqual(decodeHeader(encodeHeader(header)), header);
  assert.equal(encodeHeader({ ...header, criu: undefined, idmap: { uid: [], gid: [] }, snapshotNames: ["s"], snapshots: [], refresh: false, berth: 0 }).toString("hex"), "080022017338004208080110011800200148006801c03e00");
});

test("a failure in place of a header is told, and so is what is no message", () => {
  assert.throws(() => decodeHeader(encodeVerdict({ success: false, message: "no space" })), (error) => isCode(error, "migration_failed") && /no space/.test(error.message));
  assert.deepEqual(decodeVerdict(encodeVerdict({ success: true, message: "" })), { success: true, message: "" });
  for (const bytes of ["ff", "ffffffffffffffffffffff", "22ff01", "0b", "4203ffffff"]) {
    assert.throws(() => decodeHeader(Buffer.from(bytes, "hex")), (error) => isCode(error, "migration_failed"), bytes);
  }
});

test("numbers of all sizes are written and read", () => {
  for (const value of [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 63n, -1n, -62135596800n]) {
    assert.equal(BigInt.asIntN(64, readFields(field(8, value)).get(8)?.[0] as bigint), BigInt.asIntN(64, value));
  }
});

test("an index is read strictly", () => {
  const index = "name: c1\npool: default\nsnapshots: [s0]\nconfig:\n  container: {name: c1, config: {a: '1'}, ephemeral: false, created_at: 2026-01-02T03:04:05.123456789Z}\n  snapshots: [{name: s0, expires_at: 0001-01-01T00:00:00Z}]\n";
  const { instance, snapshots } = parseIndex(index);
  assert.deepEqual([instance.createdAt?.toISOString(), instance.ephemeral, snapshots[0]?.expiresAt], ["2026-01-02T03:04:05.123Z", false, undefined]);
  for (const wrong of ["{", "[1]", "config: {container: 1}", index.replace("[s0]", "[s0, s0]"), index.replace("[s0]", "[s1]"), index.replace("{a: '1'}", "{a: [1]}"), `x: &a [1]\ny: *a\n${index}`]) {
    assert.throws(() => parseIndex(wrong), (error) => isCode(error, "backup_broken"), wrong);
  }
  assert.deepEqual(shiftOf({ "volatile.last_state.idmap": '[{"Isuid":true,"Isgid":false,"Hostid":1000,"Nsid":0,"Maprange":10}]' }), { uid: [{ inside: 0, outside: 1000, count: 10 }], gid: [] });
  for (const map of ["x", "{}", '[{"Isuid":true,"Hostid":-1,"Nsid":0,"Maprange":1}]', '[{"Isuid":true,"Hostid":"../x","Nsid":0,"Maprange":1}]']) {
    assert.throws(() => shiftOf({ "volatile.last_state.idmap": map }), (error) => isCode(error, "backup_broken"), map);
  }
});
