// Requests as clients of every kind send them, and as nobody should: paths, methods, bodies.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import type { Reply } from "../helpers/socket.ts";
import { assertCreated, assertEmpty, assertError, assertStarted, assertSync } from "./envelopes.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.must("POST", "/1.0/instances", { name: "c1", source: { type: "none" } });
});
after(() => daemon?.[Symbol.asyncDispose]());

/** Sends a body in chunks, without its length. */
function chunked(method: string, path: string, chunks: readonly string[]): Promise<Pick<Reply, "status" | "text">> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: daemon.socket, method, path, headers: { "transfer-encoding": "chunked" }, agent: false }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, text }));
    });
    req.on("error", reject);
    for (const chunk of chunks) req.write(chunk);
    req.end();
  });
}

test("a path that nothing is at is not found, whatever the method", async () => {
  for (const path of ["/nope", "/1.0/nope", "/2.0", "/1.0/instances/c1/nope", "/1.0/instances/c1/logs/a/b", "//1.0", "/1.0/containersx"]) {
    for (const method of ["GET", "PUT", "POST", "DELETE", "PATCH"]) assertError(await daemon.request(method, path), 404, "not found");
  }
});

test("a method that a path does not have is not implemented", async () => {
  const known = [["DELETE", "/1.0"], ["POST", "/1.0/resources"], ["PATCH", "/1.0/instances"], ["POST", "/1.0/containers/c1/state"],
    ["DELETE", "/1.0/events"], ["DELETE", "/1.0/networks"], ["PATCH", "/1.0/operations/x"], ["DELETE", "/1.0/projects"]] as const;
  for (const [method, path] of known) assertError(await daemon.request(method, path), 501, "not implemented");
});

test("a JSON body needs no Content-Type, and may claim another one", async () => {
  assertCreated(await daemon.request("POST", "/1.0/profiles", '{"name":"plain"}'), "/1.0/profiles/plain");
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  assertCreated(await daemon.request("POST", "/1.0/profiles", '{"name":"form"}', { headers }), "/1.0/profiles/form");
});

test("a body may come in chunks of any size", async () => {
  assert.equal((await chunked("POST", "/1.0/profiles", ['{"na', 'me":"chu', 'nks"}'])).status, 201);
  assert.equal((await daemon.must("GET", "/1.0/profiles/chunks")).name, "chunks");
});

test("members that are null count as absent", async () => {
  const body = { name: "nulls", config: null, devices: null, description: null };
  assertCreated(await daemon.request("POST", "/1.0/profiles", body), "/1.0/profiles/nulls");
  assert.deepEqual((await daemon.must("GET", "/1.0/profiles/nulls")).config, {});
  const exec = await daemon.request("POST", "/1.0/instances/c1/exec", { command: ["true"], user: null, group: null, cwd: null });
  assertError(exec, 400, "Instance is not running");
});

test("a GET may have a body of null or an empty string", async () => {
  for (const body of ["null", '""', "{}"]) {
    const headers = { "content-length": String(body.length) };
    assertSync(await daemon.request("GET", "/1.0/profiles/default", body, { headers }));
  }
});

test("a body of null, and none, count as an empty object", async () => {
  const empty = { name: "emptied", config: { "user.a": "1" } };
  await daemon.must("POST", "/1.0/profiles", empty);
  assertEmpty(await daemon.request("PATCH", "/1.0/profiles/emptied", "null"));
  assertEmpty(await daemon.request("PATCH", "/1.0/profiles/emptied"));
  assert.deepEqual((await daemon.must("GET", "/1.0/profiles/emptied")).config, { "user.a": "1" });
});

test("members that nobody knows are let through", async () => {
  assertCreated(await daemon.request("POST", "/1.0/profiles", { name: "more", colour: "red", deep: { er: [1, 2] } }), "/1.0/profiles/more");
});

test("a body that is no JSON, or not what was expected, is refused with what is wrong", async () => {
  const wrong: [string, string][] = [
    ['{"name":', "it is not valid JSON"], ["[1", "it is not valid JSON"], ["name=x", "it is not valid JSON"],
    ['"x"', "the body must be object"], ["7", "the body must be object"], ["{}", "the body must have required property 'name'"],
    ['{"name":1}', "name must be string"], ['{"name":"a","config":{"user.a":1}}', "config.user.a must be string"],
    ['{"name":"a","devices":{"eth0":"nic"}}', "devices.eth0 must be object"], ['{"name":"a","config":[]}', "config must be object"],
  ];
  for (const [body, reason] of wrong) {
    assertError(await daemon.request("POST", "/1.0/profiles", body), 400, `Invalid request body: ${reason}`);
  }
});

test("deep nesting is refused, and does not end the daemon", async () => {
  for (const depth of [100, 100_000, 3_000_000]) {
    const body = `{"name":"deep","x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    assertError(await daemon.request("POST", "/1.0/profiles", body), 400, "Invalid request body: it is nested too deeply");
  }
  assert.equal(daemon.running, true);
});

test("a member named __proto__ changes nothing", async () => {
  const body = '{"name":"proto","__proto__":{"config":{"user.a":"1"}},"config":{"__proto__":"x"}}';
  assertCreated(await daemon.request("POST", "/1.0/profiles", body), "/1.0/profiles/proto");
  assert.deepEqual((await daemon.must("GET", "/1.0/profiles/proto")).config, {});
});

test("a body that is too large is refused", async () => {
  const body = `{"name":"large","description":"${"x".repeat(11 * 1024 * 1024)}"}`;
  assertError(await daemon.request("POST", "/1.0/profiles", body), 413, /^The request body is larger than 10485760 bytes$|Request body is too large/);
  assert.equal((await chunked("POST", "/1.0/profiles", [body])).status, 413);
  assert.equal((await daemon.request("GET", "/1.0/profiles/large")).status, 404);
});

test("a bare question mark and an empty filter ask for nothing more", async () => {
  assertStarted(await daemon.request("PUT", "/1.0/instances?", { state: { action: "stop" } }));
  assertSync(await daemon.request("GET", "/1.0/instances?filter="), ["/1.0/instances/c1"]);
  assertSync(await daemon.request("GET", "/1.0/instances?filter=&recursion=0&target=&project="), ["/1.0/instances/c1"]);
});

test("tricky paths name nothing, and lead nowhere", async () => {
  const names = ["%00", "c1%00", "..%2F..", "..%2Fprofiles%2Fdefault", "%2e%2e", "..", "c1%0a", "a".repeat(5000), "%F0%9F%90%99", "c1%2Fstate", "__proto__", "c1'--"];
  for (const name of names) {
    const reply = await daemon.request("GET", `/1.0/instances/${name}`);
    assertError(reply, 404, "Instance not found");
  }
  for (const name of names) assertError(await daemon.request("DELETE", `/1.0/profiles/${name}`), 404, "Profile not found");
  for (const file of ["..%2F..%2F..%2Fetc%2Fpasswd", "%00", "exec_..%2Flxc.conf", "exec_%00"]) {
    assertError(await daemon.request("GET", `/1.0/instances/c1/logs/${file}`), 400, /^Log file name ".*" not valid$/s);
  }
});

test("an encoding that is none is refused", async () => {
  assertError(await daemon.request("GET", "/1.0/profiles/%zz"), 400, /not a valid url component/);
});

test("a head that is too long is refused, and does not end the daemon", async () => {
  const refused = await daemon.request("GET", `/1.0/instances/${"a".repeat(100_000)}`).catch((error: { code: string }) => ({ status: error.code }));
  assert.ok([431, "ECONNRESET", "EPIPE"].includes(refused.status), String(refused.status)); // it may hang up before all was sent
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
});

test("an alias whose name has slashes is found with them encoded or not", async () => {
  assertError(await daemon.request("GET", "/1.0/images/aliases/debian%2F12%2Fcloud"), 404, "Image alias not found");
  assertError(await daemon.request("GET", "/1.0/images/aliases/debian/12/cloud"), 404, "Image alias not found");
});

test("errors carry their code and hint in headers of their own", async () => {
  const { headers } = await daemon.request("GET", "/1.0/instances/nope");
  assert.equal(headers["berth-error-code"], "instance_not_found");
  assert.equal(decodeURIComponent(String(headers["berth-error-hint"])), "See `berth list` for the names there are.");
});

test("a HEAD request has no body", async () => {
  const { status, text } = await daemon.request("HEAD", "/1.0/instances/c1");
  assert.deepEqual([status, text], [501, ""]);
});
