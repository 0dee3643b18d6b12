// The envelopes that replies come in, compared byte by byte with what LXD sends.
import assert from "node:assert/strict";
import type { Daemon } from "../helpers/daemon.ts";
import type { Reply } from "../helpers/socket.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function assertJson(reply: Reply, status: number, text: string): void {
  assert.equal(reply.text, text);
  assert.equal(reply.status, status);
  assert.equal(reply.headers["content-type"], "application/json");
  assert.equal(reply.headers["content-length"], String(Buffer.byteLength(text)));
}

/** A result; resolves with the metadata. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export function assertSync(reply: Reply, metadata: unknown = reply.json?.metadata): any {
  const text = JSON.stringify(metadata);
  assertJson(reply, 200, `{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":${text}}\n`);
  return metadata;
}

/** A success that tells nothing. */
export function assertEmpty(reply: Reply): void {
  assertSync(reply, {});
}

export function assertCreated(reply: Reply, location: string): void {
  assertJson(reply, 201, '{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":null}\n');
  assert.equal(reply.headers["location"], location);
}

/** An error. `message` is the sentence, or a pattern of it. */
export function assertError(reply: Reply, status: number, message: string | RegExp): void {
  const error: unknown = reply.json?.error;
  if (typeof message === "string") assert.equal(error, message);
  else assert.match(String(error), message);
  const text = JSON.stringify(error);
  assertJson(reply, status, `{"type":"error","status":"","status_code":0,"operation":"","error_code":${status},"error":${text},"metadata":null}\n\n`);
  assert.equal(reply.headers["x-content-type-options"], "nosniff");
}

/** An operation that has started; gives its URL. */
export function assertStarted(reply: Reply): string {
  const operation = reply.json?.metadata;
  const url = `/1.0/operations/${operation?.id}`;
  assertJson(reply, 202, `{"type":"async","status":"Operation created","status_code":100,"operation":"${url}","error_code":0,"error":"","metadata":${
    JSON.stringify(operation)}}\n`);
  assert.match(operation.id, uuid);
  assert.equal(reply.headers["location"], url);
  assert.deepEqual(Object.keys(operation), [
    "id", "class", "description", "created_at", "updated_at", "status", "status_code", "resources", "metadata", "may_cancel", "err", "location",
  ]);
  assert.deepEqual([operation.status, operation.status_code, operation.err, operation.location], ["Running", 103, "", "none"]);
  assert.match(operation.created_at, time);
  assert.match(operation.updated_at, time);
  return url;
}

/** An operation that starts, and ends well; resolves with it as it ended. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export async function assertSucceeds(daemon: Daemon, reply: Reply): Promise<any> {
  const ended = await endOf(daemon, reply);
  assert.deepEqual([ended.status, ended.status_code, ended.err], ["Success", 200, ""]);
  return ended;
}

/** An operation that starts, and fails with a sentence. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export async function assertFails(daemon: Daemon, reply: Reply, message: string | RegExp): Promise<any> {
  const ended = await endOf(daemon, reply);
  assert.deepEqual([ended.status, ended.status_code], ["Failure", 400]);
  if (typeof message === "string") assert.equal(ended.err, message);
  else assert.match(ended.err, message);
  return ended;
}

async function endOf(daemon: Daemon, reply: Reply) {
  const url = assertStarted(reply);
  return assertSync(await daemon.request("GET", `${url}/wait?timeout=60`));
}
