// What travels: envelopes, errors, ETags, bodies, and the client on the other side.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { assertSucceeded, createClient, errorFrom, type TransportRequest, type TransportResponse } from "../../../server/api/client.ts";
import { buildPath, type Endpoint } from "../../../server/api/endpoint.ts";
import { asyncEnvelope, errorEnvelope, statusCodes, syncEnvelope } from "../../../server/api/envelope.ts";
import { BerthError, type ErrorCode, errorTable, fail, isCode, isErrorCode } from "../../../server/api/errors.ts";
import { endpoints } from "../../../server/api/index.ts";
import type { Operation } from "../../../server/api/operations.ts";
import { parseBody } from "../../../server/http/body.ts";
import { assertMatches, etagOf } from "../../../server/http/etag.ts";

test("envelopes have all seven members, in LXD's order", () => {
  const keys = ["type", "status", "status_code", "operation", "error_code", "error", "metadata"];
  for (const envelope of [syncEnvelope({}), asyncEnvelope("/1.0/operations/x", {}), errorEnvelope(404, "not found")]) assert.deepEqual(Object.keys(envelope), keys);
  assert.deepEqual([statusCodes.Success, statusCodes.Failure, statusCodes.Running, statusCodes.Frozen], [200, 400, 103, 110]);
});

test("every error has a status of HTTP's and a sentence, and its hint can be filled", () => {
  for (const [code, entry] of Object.entries(errorTable) as [ErrorCode, (typeof errorTable)[ErrorCode]][]) {
    assert.ok(entry.status >= 400 && entry.status < 600, code);
    const names = [...`${entry.message}${entry.hint ?? ""}`.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
    const error = fail(code, Object.fromEntries(names.map((name) => [name, "X"])));
    assert.ok(error.message.length > 0 && !/[{}]/.test(error.message), code);
    assert.ok(!/[{}]/.test(error.hint ?? ""), code);
    assert.equal(error.status, entry.status);
  }
});

test("every error that an endpoint names exists", () => {
  for (const endpoint of Object.values(endpoints) as Endpoint[]) for (const code of endpoint.errors ?? []) assert.ok(isErrorCode(code), code);
  assert.equal(isErrorCode("constructor"), false);
  assert.equal(isErrorCode(undefined), false);
});

test("a hint that nobody filled is left out", () => {
  assert.equal(fail("not_supported", { what: "Flying", hint: "" }).hint, undefined);
  assert.equal(fail("not_supported", { what: "Flying", hint: "Walk." }).hint, "Walk.");
  assert.equal(isCode(fail("instance_not_found"), "instance_not_found"), true);
  assert.equal(isCode(new Error("x"), "instance_not_found"), false);
});

test("an ETag is of the members it names, and nothing else", () => {
  const etag = etagOf({ a: 1, b: 2 }, ["a"]);
  assert.equal(etagOf({ a: 1, b: 3 }, ["a"]), etag);
  assert.notEqual(etagOf({ a: 2 }, ["a"]), etag);
  for (const given of [undefined, "", "*", etag, `"${etag}"`, `W/"${etag}"`]) assertMatches(given, etag);
  assert.throws(() => assertMatches('"invalid-etag"', etag), { code: "etag_mismatch", message: `ETag doesn't match: ${etag} vs invalid-etag` });
});

const schema = Type.Object({ name: Type.Optional(Type.String()), list: Type.Optional(Type.Array(Type.Any())), map: Type.Optional(Type.Record(Type.String(), Type.String())) });
const parse = (text: string) => parseBody(schema, Buffer.from(text));

test("nulls in a body are dropped, at any depth, and unknown members kept", () => {
  assert.deepEqual(parse('{"name":null,"list":[1,null,{"a":null}],"map":{"a":null,"b":"1"},"more":{"x":null}}'), { list: [1, {}], map: { b: "1" }, more: {} });
  for (const empty of ["", "null", "{}"]) assert.deepEqual(parse(empty), {});
});

test("a body that does not fit is refused with the place", () => {
  assert.throws(() => parse('{"map":{"a":1}}'), { code: "bad_body", message: "Invalid request body: map.a must be string" });
  for (const text of ["{", "[]", "1", '"x"', "{'a':1}", `{"x":${"[".repeat(70)}${"]".repeat(70)}}`]) assert.throws(() => parse(text), { code: "bad_body" }, text);
});

test("a body cannot reach the prototype of what is made of it", () => {
  const body = parse('{"__proto__":{"name":"x"},"constructor":{"prototype":{"polluted":1}}}') as Record<string, unknown>;
  assert.equal(body["name"], undefined);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("names in paths are encoded as one segment", () => {
  assert.equal(buildPath("/1.0/images/aliases/*name", { name: "debian/12 x" }), "/1.0/images/aliases/debian%2F12%20x");
  assert.equal(buildPath("/1.0/instances/:name/logs/:file", { name: "..", file: "a?b#c" }), "/1.0/instances/../logs/a%3Fb%23c");
});

function answering(answer: { status: number; headers?: Record<string, string>; text: string }) {
  const requests: TransportRequest[] = [];
  const response: TransportResponse = { status: answer.status, headers: answer.headers ?? {}, body: (async function* () {})(), text: async () => answer.text };
  const request = async (sent: TransportRequest) => {
    requests.push(sent);
    return response;
  };
  return { requests, client: createClient({ request }) };
}

test("the client puts names into the path, the rest into the query, and unwraps the reply", async () => {
  const { client, requests } = answering({ status: 200, text: JSON.stringify(syncEnvelope({ name: "c1" })) });
  const shown = await client.getInstance({ name: "c 1", project: "p&q", recursion: undefined });
  assert.equal(shown.name, "c1");
  await client.patchProfile({ name: "p", body: { config: {} }, headers: { "if-match": "x" } });
  assert.deepEqual(requests.map(({ method, path, headers, body }) => [method, path, headers, body]), [
    ["GET", "/1.0/instances/c%201?project=p%26q", {}, undefined],
    ["PATCH", "/1.0/profiles/p", { "content-type": "application/json", "if-match": "x" }, '{"config":{}}'],
  ]);
  assert.equal(client.path("connectOperation", { id: "x", secret: "s" }), "/1.0/operations/x/websocket?secret=s");
});

test("the client throws the error that the server threw, with its code and hint", async () => {
  const headers = { "berth-error-code": "instance_not_found", "berth-error-hint": encodeURIComponent("See `berth list` – é") };
  const { client } = answering({ status: 404, headers, text: JSON.stringify(errorEnvelope(404, "Instance not found")) });
  await assert.rejects(client.getInstance({ name: "x" }), { code: "instance_not_found", message: "Instance not found", hint: "See `berth list` – é", status: 404 });
});

test("errors of a server that tells no code get one by their status", () => {
  const codes = [400, 403, 404, 412, 500, 503].map((status) => errorFrom({ error: "x", error_code: status }, {}).code);
  assert.deepEqual(codes, ["bad_request", "forbidden", "not_found", "etag_mismatch", "internal", "internal"]);
  assert.equal(errorFrom({ error: "x", error_code: 404 }, { "berth-error-code": "made_up" }).code, "not_found");
});

test("an answer that is no JSON is an error that says so", async () => {
  await assert.rejects(answering({ status: 502, text: "<html>" }).client.getServer(), { message: "The server answered 502 with something else than JSON" });
});

test("an operation that did not succeed is thrown as the error it had", () => {
  const operation = { status: "Failure", status_code: 400, err: "It broke", metadata: { error: "disk_full", hint: "Free some." } } as unknown as Operation;
  assert.throws(() => assertSucceeded(operation), (error: BerthError) => error.code === "disk_full" && error.message === "It broke" && error.hint === "Free some.");
  const good = { ...operation, status: "Success", status_code: 200 } as Operation;
  assert.equal(assertSucceeded(good), good);
});
