import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeImages } from "../../../cli/commands/image/prune.ts";
import { parseListen } from "../../../cli/commands/image/tree-server.ts";
import { publishBody, sortPublishArguments } from "../../../cli/commands/instance/publish.ts";
import { withRemaining } from "../../../cli/operation.ts";
import type { Image } from "../../../server/api/images.ts";

describe("publishing", () => {
  const plain = { name: "c1", compression: "", expire: "", isPublic: false, properties: {} };
  test("says no more than was asked for: absent properties keep those of the instance's image", () => {
    assert.deepEqual(publishBody(plain), { source: { type: "instance", name: "c1" }, public: false });
  });
  test("of a snapshot, with all that can be said", () => {
    assert.deepEqual(publishBody({ name: "c1/s0", compression: "zstd -3", expire: "2030-01-02T03:04:05+01:00", isPublic: true, properties: { a: "b" } }), {
      source: { type: "snapshot", name: "c1/s0" }, public: true, compression_algorithm: "zstd -3", expires_at: "2030-01-02T02:04:05.000Z", properties: { a: "b" },
    });
  });
  test("refuses what is no time", () => assert.throws(() => publishBody({ ...plain, expire: "soon" }), /Invalid expiration date: "soon"/));
  test("tells a remote from properties", () => {
    assert.deepEqual(sortPublishArguments(["other:", "a=b=c", "d="]), { remote: "other:", properties: { a: "b=c", d: "" } });
    assert.deepEqual(sortPublishArguments(["a=b"]), { remote: undefined, properties: { a: "b" } });
    assert.throws(() => sortPublishArguments(["a=b", "c"]), /Bad key=value pair: c/);
  });
});

test("an image is pruned when nothing was made from it and nobody chose it, or with all when nothing was made from it", () => {
  const image = (fingerprint: string, cached: boolean) => ({ fingerprint, cached }) as Image;
  const images = [image("a", true), image("b", true), image("c", false)];
  const instances = [{ config: { "volatile.base_image": "a" } }];
  const pools = [{ name: "p", used_by: ["/1.0/images/a", "/1.0/images/c?project=x", "/1.0/instances/b"] }];
  const judge = (all: boolean) => judgeImages(images, instances, pools, all).map(({ image: { fingerprint }, users, pools: ready, goes }) => [fingerprint, users, ready, goes]);
  assert.deepEqual(judge(false), [["a", 1, ["p"], false], ["b", 0, [], true], ["c", 0, ["p"], false]]);
  assert.deepEqual(judge(true).map((one) => one[3]), [false, true, true]);
});

test("addresses to listen at", () => {
  assert.deepEqual(parseListen(":8443"), { host: undefined, port: 8443 });
  assert.deepEqual(parseListen("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(parseListen("example.org:443"), { host: "example.org", port: 443 });
  for (const bad of ["8443", "::1:8443", ":70000", "host:"]) assert.throws(() => parseListen(bad), /no address to listen at/, bad);
});

test("progress tells the time that is left where it knows a percentage", () => {
  const remaining = { tell: (fraction: number) => (fraction > 0.3 ? ", 12s left" : "") };
  assert.equal(withRemaining("45% (12.34MB/s)", remaining), "45% (12.34MB/s, 12s left)");
  assert.equal(withRemaining("metadata: 45%", remaining), "metadata: 45%, 12s left");
  assert.equal(withRemaining("5% (1MB/s)", remaining), "5% (1MB/s)");
  assert.equal(withRemaining("12.34MB (1MB/s)", remaining), "12.34MB (1MB/s)");
});
