// TLS to a server whose certificate was accepted, against Node's own HTTPS server.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { CliError } from "../../../cli/errors.ts";
import { fingerprintOf, makeIdentity } from "../../../cli/remotes/certificate.ts";
import { SocketTransport } from "../../../cli/transport/socket.ts";
import { TlsDialer, UntrustedCertificate } from "../../../cli/transport/tls.ts";
import { openWebsocket } from "../../../cli/transport/websocket.ts";

const own = makeIdentity("client@test");
const servers = makeIdentity("server@test");
const pin = fingerprintOf(new X509Certificate(servers.cert));

async function serve(t: TestContext): Promise<{ address: string; server: Server }> {
  const server = createServer({ ...servers, requestCert: true, rejectUnauthorized: false }, async (request, response) => {
    const peer = (request.socket as TLSSocket).getPeerX509Certificate();
    let body = "";
    for await (const part of request) body += part;
    response.end(JSON.stringify({ client: peer && fingerprintOf(peer), host: request.headers.host, body }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return { address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test("talks to the server whose certificate was accepted, and shows its own", async (t) => {
  const { address } = await serve(t);
  const dialer = new TlsDialer({ remote: "r", address, pinned: pin, identity: own });
  const response = await new SocketTransport(dialer).request({ method: "POST", path: "/x", body: "all of it" });
  assert.deepEqual(JSON.parse(await response.text()), { client: fingerprintOf(new X509Certificate(own.cert)), host: address.replace("https://", ""), body: "all of it" });
  const socket = await openWebsocket(dialer, "/ws");
  socket.send(Buffer.alloc(100_000, 7));
  const [data] = await once(socket, "message");
  assert.equal((data as Buffer).length, 100_000);
  socket.close();
});

test("sends nothing to a server that is not the accepted one, or that nobody vouches for", async (t) => {
  const { address, server } = await serve(t);
  let requests = 0;
  server.on("request", () => requests++);
  const ask = (pinned: string | undefined) => new SocketTransport(new TlsDialer({ remote: "r", address, pinned, identity: own })).request({ method: "GET", path: "/" });
  await assert.rejects(ask("0".repeat(64)), (error: CliError) => /has changed/.test(error.message) && error.hint?.includes(pin) === true);
  await assert.rejects(ask(undefined), (error) => error instanceof UntrustedCertificate && fingerprintOf(error.certificate) === pin && error.hint?.includes("berth remote add r") === true);
  assert.equal(requests, 0);
});

test("says what is wrong when there is no such server", async (t) => {
  const { address, server } = await serve(t);
  const port = Number(new URL(address).port);
  server.close();
  server.closeAllConnections();
  const ask = (to: string) => new SocketTransport(new TlsDialer({ remote: "r", address: to, pinned: pin })).request({ method: "GET", path: "/" });
  await assert.rejects(ask(address), (error) => error instanceof CliError && /cannot be reached/.test(error.message) && /set-url r/.test(error.hint ?? ""));
  const plain = (await import("node:net")).createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n").resume()).listen(port, "127.0.0.1");
  t.after(() => plain.close());
  await once(plain, "listening");
  await assert.rejects(ask(address), (error) => error instanceof CliError && /does not speak TLS/.test(error.message));
  connect(port, "127.0.0.1").destroy();
});
