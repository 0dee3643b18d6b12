import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { openTunnel, proxiesOf, proxyFor, proxyHeaders } from "../../../server/remotes/proxy.ts";

const proxies = { https: "http://proxy.example:3128", http: "proxy.example:8080", ignore: "internal.example, .lan,10.0.0.7,odd.example:8443" };
const through = (url: string, given = proxies) => proxyFor(new URL(url), given)?.href;

describe("the proxy for an address", () => {
  it("is the one of its protocol", () => {
    assert.deepEqual([through("https://images.example/x"), through("http://images.example/x")], ["http://proxy.example:3128/", "http://proxy.example:8080/"]);
  });
  it("is none for hosts to be ignored, and for this machine", () => {
    for (const url of ["https://internal.example", "https://a.internal.example", "https://x.lan", "https://10.0.0.7", "https://localhost:8443", "https://127.0.0.2", "https://[::1]:8443", "https://odd.example:8443"]) assert.equal(through(url), undefined, url);
    for (const url of ["https://notinternal.example", "https://odd.example", "https://10.0.0.70"]) assert.ok(through(url), url);
    assert.equal(through("https://images.example", { ...proxies, ignore: "*" }), undefined);
  });
  it("comes from the server's configuration before the environment", () => {
    assert.deepEqual(proxiesOf({ "core.proxy_https": "a" }, { HTTPS_PROXY: "b", http_proxy: "c", NO_PROXY: "d" }), { https: "a", http: "c", ignore: "d" });
    assert.deepEqual(proxiesOf({}, {}), { https: "", http: "", ignore: "" });
  });
  it("must be one that is understood", () => {
    assert.throws(() => through("https://images.example", { ...proxies, https: "socks5://x" }), /no http:\/\/ URL/);
  });
  it("is told who asks", () => {
    assert.deepEqual(proxyHeaders(new URL("http://us%3Aer:pass@proxy")), { "proxy-authorization": `Basic ${Buffer.from("us:er:pass").toString("base64")}` });
  });
});

describe("a tunnel through a proxy", () => {
  const proxy = async (status: string): Promise<Server> => {
    const server = createServer();
    server.on("connect", (request, socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n${request.url}`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  };
  it("is the connection that the proxy makes, or an error that tells its answer", async () => {
    for (const status of ["200 OK", "403 No"]) {
      const server = await proxy(status);
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      if (status.startsWith("403")) await assert.rejects(openTunnel(url, "x:443"), /answered 403 to CONNECT x:443/);
      else {
        const socket = await openTunnel(url, "x:443");
        socket.destroy();
      }
      server.close();
    }
  });
});
