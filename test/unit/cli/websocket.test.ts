// The client's websockets against those of the ws package.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { UnixDialer } from "../../../cli/transport/unix.ts";
import { openWebsocket } from "../../../cli/transport/websocket.ts";

async function serve(t: TestContext, accept: (socket: WebSocket) => void, refuse = ""): Promise<UnixDialer> {
  const folder = mkdtempSync(join(tmpdir(), "berth-cli-test-"));
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request, socket, head) => {
    if (refuse !== "") return socket.end(`HTTP/1.1 404 Not Found\r\nBerth-Error-Code: instance_not_found\r\nContent-Length: ${refuse.length}\r\n\r\n${refuse}`);
    sockets.handleUpgrade(request, socket, head, accept);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return new UnixDialer(join(folder, "s"));
}

test("carries frames of all sizes both ways, bytes as bytes and texts as texts", async (t) => {
  const dialer = await serve(t, (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
  const socket = await openWebsocket(dialer, "/x");
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
    const bytes = Buffer.alloc(length, length % 251);
    socket.send(bytes);
    const [data, isBinary] = await once(socket, "message");
    assert.ok(isBinary === true && bytes.equals(data as Buffer), String(length));
  }
  socket.send("ü€😀");
  assert.deepEqual(await once(socket, "message"), [Buffer.from("ü€😀"), false]);
  socket.close(1000, "done");
  await once(socket, "close");
});

test("puts fragments together, answers pings, and takes frames that come with the answer", async (t) => {
  const pong = new Promise<Buffer>((resolve) => {
    void serve(t, (socket) => {
      socket.on("pong", resolve);
      socket.send("at once");
      socket.send(Buffer.from("first "), { fin: false, binary: true });
      socket.ping("alive?");
      socket.send(Buffer.from("second"), { fin: true, binary: true });
    }).then(async (dialer) => {
      const got: string[] = [];
      const socket = await openWebsocket(dialer, "/", (it) => it.on("message", (data) => got.push(data.toString())));
      while (got.length < 2) await once(socket, "message");
      assert.deepEqual(got, ["at once", "first second"]);
    });
  });
  assert.equal((await pong).toString(), "alive?");
});

test("ends when the server does, and reads no faster than it is told to", async (t) => {
  const dialer = await serve(t, (socket) => {
    for (let i = 0; i < 200; i++) socket.send(Buffer.alloc(65_536, 1));
    socket.close();
  });
  let bytes = 0;
  const socket = await openWebsocket(dialer, "/", (it) => it.on("message", (data) => {
    bytes += data.length;
    it.pause();
    setTimeout(() => it.resume(), 1);
  }));
  await once(socket, "close");
  assert.equal(bytes, 200 * 65_536);
});

test("throws what the server answers instead", async (t) => {
  const dialer = await serve(t, () => {}, JSON.stringify({ type: "error", error: "Instance not found", error_code: 404 }));
  await assert.rejects(openWebsocket(dialer, "/"), (error: Error & { code?: string }) => error.message === "Instance not found" && error.code === "instance_not_found");
});
