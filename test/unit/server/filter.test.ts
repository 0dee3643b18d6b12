// The filter language.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFilter } from "../../../server/filter.ts";

const object = { name: "c1", status: "Running", config: { "user.a.b": "x y", "image.os": "Debian" }, list: [1, 2], devices: { eth0: { nictype: "bridged" } } };
const holds = (filter: string | undefined) => compileFilter(filter)(object);

test("an empty filter lets everything through", () => {
  for (const filter of [undefined, "", "   "]) assert.equal(holds(filter), true);
});

test("eq and ne compare whole values, whatever their case", () => {
  assert.equal(holds("name eq C1"), true);
  assert.equal(holds("name eq c"), false);
  assert.equal(holds("name ne c"), true);
  assert.equal(holds("not name eq c1"), false);
  assert.equal(holds("not name ne c1"), true);
});

test("names follow dots, also through keys that have dots themselves", () => {
  assert.equal(holds('config.user.a.b eq "x y"'), true);
  assert.equal(holds("config.image.os eq debian"), true);
  assert.equal(holds("devices.eth0.nictype eq bridged"), true);
  assert.equal(holds("devices.eth0 eq bridged"), false);
  assert.equal(holds("constructor.name eq Object"), false);
  assert.equal(holds("list eq ^.1,2.$"), true);
});

test("clauses are joined from left to right", () => {
  assert.equal(holds("name eq x and name eq x or name eq c1"), true);
  assert.equal(holds("name eq c1 or name eq x and name eq x"), false);
});

test("values are patterns, and one that is none is taken as it is", () => {
  assert.equal(holds("name eq c[0-9]"), true);
  assert.equal(holds("status eq ^Run"), true);
  assert.equal(compileFilter("name eq a(b")({ name: "a(b" }), true);
  assert.equal(compileFilter('name eq "a\\"b"')({ name: 'a"b' }), true);
});

test("what is no filter is refused", () => {
  for (const filter of ["x", "x eq", "x is y", "a eq b a eq b", "a eq b and", `a eq ${"x".repeat(501)}`, "a eq (x*)*"]) {
    assert.throws(() => compileFilter(filter), { code: "invalid_filter" }, filter);
  }
});
