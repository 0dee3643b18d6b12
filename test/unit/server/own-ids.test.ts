// Ranges of ids of an instance's own: gaps among those taken, and the host's ids put into maps.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IdMap, IdRange } from "../../../server/host/user-namespace.ts";
import { formatIdMap, guestId, hostId, noMap, parseIdMap, parseSubIds, rootIds, sharedMap, spareIds } from "../../../server/lxc/idmap.ts";
import { hierarchiesIn } from "../../../server/lxc/cgroup-mounts.ts";
import { findGap, overlaps, ownMap, parseRawIdMap, type Span, within, withRawIds } from "../../../server/lxc/own-ids.ts";

const host: IdMap = { uid: [{ inside: 0, outside: 1_000_000, count: 1_000_000_000 }], gid: [{ inside: 0, outside: 2_000_000, count: 1_000_000_000 }] };
const size = 65536;

test("a gap lies in its area, overlaps nothing that is taken, and is found whenever there is one", () => {
  const spans = fc.array(fc.record({ from: fc.integer({ min: 0, max: 60 }), count: fc.integer({ min: 1, max: 12 }) }), { maxLength: 12 });
  fc.assert(fc.property(spans, fc.integer({ min: 1, max: 12 }), (taken, count) => {
    const area: Span = { from: 10, count: 40 };
    const found = findGap(area, taken, count);
    const free = (from: number) => within({ from, count }, area) && !taken.some((span) => overlaps(span, { from, count }));
    const starts = Array.from({ length: 41 }, (_, i) => area.from + i).filter(free);
    assert.equal(found, starts[0]);
  }));
});

test("instances that choose one after the other never share an id, and a freed range is used again", () => {
  const area: Span = { from: 1000, count: 10 * size };
  const taken: Span[] = [];
  for (;;) {
    const from = findGap(area, taken, size);
    if (from === undefined) break;
    assert.ok(!taken.some((span) => overlaps(span, { from, count: size })));
    taken.push({ from, count: size });
  }
  assert.equal(taken.length, 10);
  const [freed] = taken.splice(4, 1);
  assert.equal(findGap(area, taken, size), freed?.from);
});

test("shared maps leave ids for instances with a range of their own", () => {
  const [uid, gid] = [sharedMap(host).uid[0], sharedMap(host).gid[0]];
  assert.deepEqual(uid, { inside: 0, outside: 1_000_000, count: 7629 * size });
  assert.deepEqual(gid, { inside: 0, outside: 2_000_000, count: 7629 * size });
  const few: IdMap = { uid: [{ inside: 0, outside: 100_000, count: size }], gid: [{ inside: 0, outside: 100_000, count: size }] };
  assert.deepEqual(sharedMap(few), few);
});

test("a map of its own has users and groups equally far into root's", () => {
  assert.deepEqual(ownMap(host, 1_500_000, size), { uid: [{ inside: 0, outside: 1_500_000, count: size }], gid: [{ inside: 0, outside: 2_500_000, count: size }] });
});

test("in a user namespace only its own ids count", () => {
  const known: IdRange[] = [{ inside: 0, outside: 5_000_000, count: 2_000_000 }];
  assert.deepEqual(parseSubIds("root:1000000:1000000000\n", known), { inside: 0, outside: 1_000_000, count: 1_000_000 });
  assert.deepEqual(parseSubIds("root:3000000:65536\nroot:100000:65536\n", known), { inside: 0, outside: 100_000, count: size });
  assert.equal(parseSubIds("root:1000000:65536\n", [{ inside: 0, outside: 5_000_000, count: size }]), undefined);
});

test("lines of raw.idmap name ranges", () => {
  assert.deepEqual(parseRawIdMap("both 1000 1001\n\n uid 50-60 500-510 \n"), [
    { kind: "both", inside: 1001, outside: 1000, count: 1 }, { kind: "uid", inside: 500, outside: 50, count: 11 },
  ]);
});

test("an id of the host's takes the place of the guest's, and those around it stay", () => {
  const map = withRawIds(ownMap(host, 1_500_000, size), "both 1000 1000\ngid 50 0");
  assert.deepEqual(map.uid, [
    { inside: 0, outside: 1_500_000, count: 1000 }, { inside: 1000, outside: 1000, count: 1 }, { inside: 1001, outside: 1_501_001, count: size - 1001 },
  ]);
  assert.deepEqual(rootIds(map), { uid: 1_500_000, gid: 50 });
  assert.equal(hostId(map.uid, 1000), 1000);
  assert.equal(guestId(map.uid, 1_501_000), undefined);
  assert.deepEqual(parseIdMap(formatIdMap(map)), map);
});

test("no map has an id twice, on either side, whatever is put into it", () => {
  const line = fc.record({ kind: fc.constantFrom("both", "uid", "gid"), host: fc.integer({ min: 0, max: 3000 }), guest: fc.integer({ min: 0, max: 3000 }), count: fc.integer({ min: 1, max: 400 }) })
    .map(({ kind, host: from, guest, count }) => `${kind} ${from}-${from + count - 1} ${guest}-${guest + count - 1}`);
  const base: IdMap = { uid: [{ inside: 0, outside: 2000, count: 2000 }], gid: [{ inside: 0, outside: 5000, count: 2000 }] };
  let made = 0;
  fc.assert(fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
    let map: IdMap;
    try {
      map = withRawIds(base, lines.join("\n"));
    } catch (error) {
      assert.equal((error as { code?: string }).code, "invalid_config_value");
      return;
    }
    made++;
    for (const ranges of [map.uid, map.gid]) {
      for (const side of ["inside", "outside"] as const) {
        const spans = ranges.map((range) => ({ from: range[side], count: range.count }));
        for (const [i, span] of spans.entries()) assert.ok(span.count > 0 && !spans.slice(i + 1).some((other) => overlaps(span, other)), lines.join("; "));
      }
      for (let id = 0; id < 2000; id += 97) assert.notEqual(hostId(ranges, id), undefined, `${id} of ${lines.join("; ")}`);
    }
  }));
  assert.ok(made > 10);
});

test("ids that the instance has already cannot be put into its map", () => {
  assert.throws(() => withRawIds(ownMap(host, 1_500_000, size), "both 1500005 70000"), /Host id is in the range of subids/);
  const many = Array.from({ length: 341 }, (_, i) => `uid ${i * 2} ${i * 2}`).join("\n");
  assert.throws(() => withRawIds(ownMap(host, 1_500_000, size), many), /more than 340/);
});

test("a privileged guest's ids are the host's", () => {
  assert.deepEqual([hostId(noMap.uid, 5), guestId(noMap.gid, 7), formatIdMap(noMap)], [5, 7, "[]"]);
  assert.deepEqual(rootIds(noMap), { uid: 0, gid: 0 });
  assert.deepEqual(parseIdMap("[]"), noMap);
});

test("in a container all ids but its own users' may be given away, if there are enough", () => {
  const known = (count: number): IdRange[] => [{ inside: 0, outside: 1_000_000, count }];
  assert.deepEqual(spareIds(known(499_974_144)), { inside: 0, outside: 1_000_000, count: 498_974_144 });
  assert.deepEqual(spareIds(known(3 * size)), { inside: 0, outside: size, count: 2 * size });
  assert.equal(spareIds(known(2 * size - 1)), undefined);
  assert.equal(spareIds([]), undefined);
});

test("hierarchies of cgroup v1 are told by their controllers", () => {
  assert.deepEqual(hierarchiesIn("9:name=systemd:/\n2:cpu,cpuacct:/a:b\n1:pids:/\n0::/.lxc\n"), ["cpu,cpuacct", "pids"]);
});
