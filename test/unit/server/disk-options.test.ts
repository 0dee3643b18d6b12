// The pure decisions about disks: options, rates, mount options, throttles, names of places.
import assert from "node:assert/strict";
import { test } from "node:test";
import { strictest, throttleLines, throttleOf } from "../../../server/devices/disk/limits.ts";
import { parseMountOptions, parseRate } from "../../../server/devices/disk/options.ts";
import { cleanPath, targetFault } from "../../../server/devices/guest-path.ts";
import { toHostId } from "../../../server/devices/ids.ts";
import { parsePlace, placeName } from "../../../server/devices/staging.ts";
import { MOUNT_ATTR } from "../../../server/host/libc.ts";
import { formatDevice, makeDevice, splitDevice } from "../../../server/host/device-number.ts";
import { mountOf, mountsBelow, parseMounts } from "../../../server/host/mountinfo.ts";

test("a rate is bytes or operations a second", () => {
  assert.deepEqual([parseRate("10MB"), parseRate("1MiB"), parseRate("30iops"), parseRate("30 iops")], [{ bytes: 1e7 }, { bytes: 2 ** 20 }, { operations: 30 }, { operations: 30 }]);
  for (const bad of ["", "0", "0iops", "fast", "-1MB", "10MB/s"]) assert.equal(parseRate(bad), undefined, bad);
});

test("limits.max stands for both directions where they have none of their own", () => {
  assert.deepEqual(throttleOf({ "limits.max": "10iops" }), { riops: 10, wiops: 10 });
  assert.deepEqual(throttleOf({ "limits.max": "1MB", "limits.read": "20iops" }), { riops: 20, wbps: 1e6 });
});

test("of several disks on one device the strictest limit holds", () => {
  assert.deepEqual(strictest([{ rbps: 5 }, { rbps: 3, wiops: 1 }, {}]), { rbps: 3, wiops: 1 });
});

test("throttles are written as both layouts want them, and what is not limited is freed", () => {
  assert.deepEqual(throttleLines("8:0", { rbps: 5, wiops: 2 }, true), [["io.max", "8:0 rbps=5 wbps=max riops=max wiops=2"]]);
  assert.deepEqual(throttleLines("8:0", { rbps: 5 }, false).map(([, line]) => line), ["8:0 5", "8:0 0", "8:0 0", "8:0 0"]);
});

test("mount options are attributes of the mount or go to the file system; the later counts", () => {
  assert.deepEqual(parseMountOptions("noexec, nosuid,exec,errors=continue"), { set: MOUNT_ATTR.NOSUID, clear: MOUNT_ATTR.NOEXEC, data: ["errors=continue"] });
  assert.deepEqual(parseMountOptions("noatime"), { set: MOUNT_ATTR.NOATIME, clear: MOUNT_ATTR.ATIME, data: [] });
  assert.deepEqual(parseMountOptions("constructor").data, ["constructor"]);
});

test("paths that would take the guest's system away are refused", () => {
  for (const bad of ["/", "//", "/.", "/proc", "/proc/.", "//sys//", "/dev/", "x", "/x/../y", `/${"a".repeat(300)}`]) assert.notEqual(targetFault(bad), undefined, bad);
  for (const good of ["/data", "/dev/sda", "/var//lib/", "/a..b"]) assert.equal(targetFault(good), undefined, good);
  assert.equal(cleanPath("/var//lib/./x/"), "/var/lib/x");
});

test("a place's name tells device and path, whatever they hold", () => {
  for (const path of ["/data", "/a b/%2F/c:d", "/é\\n"]) {
    const name = placeName("d.e-v", path);
    assert.ok(!name.includes("/"));
    assert.deepEqual(parsePlace("/f", name), { device: "d.e-v", path, place: `/f/${name}` });
  }
  for (const strange of ["x", ".new", ".node:a:%2Fb", "a:b"]) assert.equal(parsePlace("/f", strange), undefined, strange);
});

test("mounts are read with their escapes, and found by path", () => {
  const mounts = parseMounts("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n30 27 0:5 /a\\040b /mnt/x\\134y rw shared:5 master:2 - tmpfs none rw\n31 27 0:6 / /mnt/x rw - proc proc rw\n");
  assert.deepEqual(mounts[1], { id: 30, parent: 27, device: "0:5", root: "/a b", point: "/mnt/x\\y", type: "tmpfs", source: "none" });
  assert.equal(mountOf("/mnt/x/1", mounts)?.type, "proc");
  assert.equal(mountOf("/mnt/xx", mounts)?.type, "ext4");
  assert.deepEqual(mountsBelow("/mnt/x", mounts).map(({ id }) => id), [31]);
});

test("device numbers survive packing", () => {
  for (const [major, minor] of [[8, 1], [254, 0], [259, 300], [4095, 1048575]] as const) {
    assert.deepEqual(splitDevice(Number(makeDevice(major, minor))), { major, minor });
  }
  assert.equal(formatDevice(0xfe00), "254:0");
});

test("ids of the guest's are found on the host", () => {
  const ranges = [{ inside: 0, outside: 1000000, count: 1000 }, { inside: 1000, outside: 1000, count: 1 }];
  assert.deepEqual([toHostId(ranges, "5"), toHostId(ranges, 1000), toHostId(ranges, 1001)], [1000005, 1000, undefined]);
  assert.equal(toHostId([], "5"), 5, "those of a privileged guest are the host's");
});
