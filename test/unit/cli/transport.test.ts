import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSocketServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CliError } from "../../../cli/errors.ts";
import { SocketTransport } from "../../../cli/transport/socket.ts";
import { UnixDialer } from "../../../cli/transport/unix.ts";

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "berth-cli-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "unix.socket");
}

async function serve(t: TestContext, listener: RequestListener): Promise<SocketTransport> {
  const path = socketPath(t);
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return new SocketTransport(new UnixDialer(path));
}

async function serveRaw(t: TestContext, answer: (socket: Socket) => void): Promise<SocketTransport> {
  const path = socketPath(t);
  const server = createSocketServer((socket) => {
    socket.on("error", () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  return new SocketTransport(new UnixDialer(path));
}

test("sends method, path, headers and a text body, and reads an answer of known length", async (t) => {
  const transport = await serve(t, async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    response.setHeader("ETag", '"abc"').setHeader("Content-Length", 2);
    response.end("ok");
    assert.deepEqual([request.method, request.url, request.headers["x-a"], request.headers["content-length"], body], ["PUT", "/1.0/x?y=1", "b", "4", "dä!"]);
  });
  const response = await transport.request({ method: "PUT", path: "/1.0/x?y=1", headers: { "x-a": "b" }, body: "dä!" });
  assert.deepEqual([response.status, response.headers["etag"], await response.text()], [200, '"abc"', "ok"]);
});

test("reads a chunked answer, however it is cut", async (t) => {
  const transport = await serveRaw(t, (socket) => {
    const text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n";
    for (const char of text) socket.write(char);
    socket.end();
  });
  assert.equal(await (await transport.request({ method: "GET", path: "/" })).text(), "hello world");
});

test("reads an answer without a length to the end", async (t) => {
  const transport = await serveRaw(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  assert.equal(await (await transport.request({ method: "GET", path: "/" })).text(), "all of it");
});

test("uploads a stream, no faster than it is taken", async (t) => {
  const size = 64 * 1024;
  const parts = 400;
  let made = 0;
  async function* body() {
    for (; made < parts; made++) yield Buffer.alloc(size, made);
  }
  const transport = await serve(t, async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(made < parts / 2, `${made} parts were made while nobody read`);
    let received = 0;
    for await (const part of request) received += (part as Buffer).length;
    assert.equal(request.headers["transfer-encoding"], "chunked");
    response.end(String(received));
  });
  const response = await transport.request({ method: "POST", path: "/", body: body() });
  assert.equal(await response.text(), String(size * parts));
});

test("takes an answer that comes before the upload has ended", async (t) => {
  async function* endless() {
    for (;;) yield Buffer.alloc(65536);
  }
  const transport = await serve(t, (request, response) => {
    response.writeHead(400).end("enough");
    request.resume();
  });
  const response = await transport.request({ method: "POST", path: "/", body: endless() });
  assert.deepEqual([response.status, await response.text()], [400, "enough"]);
});

test("fails when the source of an upload fails", async (t) => {
  async function* broken() {
    yield Buffer.from("x");
    throw new Error("disk gone");
  }
  const transport = await serve(t, (request) => request.resume());
  await assert.rejects(transport.request({ method: "POST", path: "/", body: broken() }), /disk gone/);
});

test("reads a large answer no faster than it is consumed", async (t) => {
  let written = 0;
  const transport = await serve(t, async (_request, response) => {
    for (let i = 0; i < 300; i++) {
      const isFree = response.write(Buffer.alloc(65536));
      written++;
      if (!isFree) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  });
  const { body } = await transport.request({ method: "GET", path: "/" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(written < 150, `${written} parts were sent while nobody read`);
  let received = 0;
  for await (const part of body) received += part.length;
  assert.equal(received, 300 * 65536);
});

test("does not take half an answer for a whole one", async (t) => {
  const transport = await serveRaw(t, (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
  await assert.rejects((await transport.request({ method: "GET", path: "/" })).text(), /closed the connection/);
  const silent = await serveRaw(t, (socket) => socket.end());
  await assert.rejects(silent.request({ method: "GET", path: "/" }), /closed the connection/);
  const stranger = await serveRaw(t, (socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
  await assert.rejects(stranger.request({ method: "GET", path: "/" }), /does not speak HTTP/);
});

test("refuses paths and headers that would make another request of it", async (t) => {
  const transport = await serve(t, (_request, response) => response.end());
  await assert.rejects(transport.request({ method: "GET", path: "/a b" }), CliError);
  await assert.rejects(transport.request({ method: "GET", path: "/", headers: { a: "b\r\nc: d" } }), /line break/);
});

test("says what to do when nobody is there", async (t) => {
  const path = socketPath(t);
  await assert.rejects(new SocketTransport(new UnixDialer(path)).request({ method: "GET", path: "/" }), (error) =>
    error instanceof CliError && error.message.includes(path) && /berthd/.test(error.hint ?? ""));
});
