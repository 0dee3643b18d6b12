// A process of tests in some network namespace: opens servers and connections there as it is told, one JSON object a line.
import { createSocket } from "node:dgram";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const open = new Map();
const at = ({ host, port, path }) => (path ? { path: path.replace(/^@/, "\0") } : { host, port });
const once = (emitter, event) => new Promise((resolve, reject) => {
  const done = (settle) => (value) => {
    emitter.off(event, succeed).off("error", failed);
    settle(value);
  };
  const [succeed, failed] = [done(resolve), done(reject)];
  emitter.on(event, succeed).on("error", failed);
});

/** What a server of each kind does with a connection. */
const services = {
  echo: (socket) => socket.pipe(socket),
  /** Answers each piece with the server's name. */
  name: (socket, { name }) => socket.on("data", () => socket.write(name)).on("end", () => socket.end()),
  /** Tells whom the kernel says its client is. */
  who: async (socket) => {
    const { default: koffi } = await import("koffi");
    const ids = Buffer.alloc(12);
    const length = Buffer.from([12, 0, 0, 0]);
    koffi.load("libc.so.6").func("int getsockopt(int fd, int level, int name, void *value, void *length)")(socket._handle.fd, 1, 17, ids, length);
    socket.resume().end(`${ids.readUInt32LE(4)} ${ids.readUInt32LE(8)}`);
  },
  /** Counts what it gets, and tells how much it was at its end. */
  count: (socket) => {
    let size = 0;
    socket.on("data", (chunk) => (size += chunk.length)).on("end", () => socket.end(String(size)));
  },
};

const commands = {
  async serve(request) {
    if (request.kind === "udp") {
      const socket = createSocket(request.host.includes(":") ? "udp6" : "udp4");
      socket.on("message", (bytes, from) => socket.send(Buffer.concat([Buffer.from(request.name ?? ""), bytes]), from.port, from.address));
      socket.bind(request.port, request.host);
      await once(socket, "listening");
      return void open.set(request.id, socket);
    }
    if (request.path?.startsWith("/")) rmSync(request.path, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      services[request.service ?? "echo"](socket, request);
    });
    server.listen({ ...at(request), backlog: 4096 });
    await once(server, "listening");
    open.set(request.id, server);
  },
  /** Says something, half-closes, and resolves with all that comes back. */
  async ask(request) {
    if (request.kind === "udp") return commands.datagram(request);
    const socket = connect({ ...at(request), allowHalfOpen: true });
    await once(socket, "connect");
    const { localAddress, localPort } = socket;
    const chunks = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    if (request.hold) socket.write(request.text);
    else socket.end(request.text);
    await (request.hold ? Promise.race([once(socket, "data"), once(socket, "end").then(() => Promise.reject(new Error("the connection was ended")))]) : once(socket, "end"));
    socket.destroy();
    return { text: Buffer.concat(chunks).toString(), from: `${localAddress} ${localPort}` };
  },
  async datagram(request) {
    const socket = createSocket(request.host.includes(":") ? "udp6" : "udp4");
    try {
      socket.connect(request.port, request.host);
      await once(socket, "connect");
      const answer = once(socket, "message");
      socket.send(request.text);
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), request.timeout ?? 2000));
      return { text: String(await Promise.race([answer, late])) };
    } finally {
      socket.close();
    }
  },
  async open(request) {
    const socket = connect(at(request));
    await once(socket, "connect");
    socket.on("error", () => {});
    open.set(request.id, socket);
  },
  async say({ id, text }) {
    const socket = open.get(id);
    if (socket.destroyed) throw new Error("the connection is closed");
    const answer = Promise.race([once(socket, "data"), once(socket, "close").then(() => Promise.reject(new Error("the connection was closed")))]);
    socket.write(text);
    return { text: String(await answer) };
  },
  async awaitClose({ id }) {
    const socket = open.get(id);
    if (!socket.destroyed) await once(socket, "close");
  },
  /** Opens many connections, `together` at a time, each with a question and its answer. */
  async many(request) {
    let [left, slowest] = [request.count, 0];
    const worker = async () => {
      while (left-- > 0) {
        const began = performance.now();
        const { text } = await commands.ask({ ...request, text: "x", hold: true });
        if (text !== "x") throw new Error(`answered ${text}`);
        slowest = Math.max(slowest, performance.now() - began);
      }
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: request.together }, worker));
    return { each: (performance.now() - began) / request.count, slowest };
  },
  /** Sends so many MiB, and resolves with MiB a second. */
  async send(request) {
    const socket = connect({ ...at(request), allowHalfOpen: true });
    await once(socket, "connect");
    const chunk = Buffer.alloc(1024 * 1024, "x");
    const began = performance.now();
    for (let i = 0; i < request.mib; i++) if (!socket.write(chunk)) await once(socket, "drain");
    const answer = once(socket, "data");
    socket.end();
    return { text: String(await answer), rate: (request.mib / (performance.now() - began)) * 1000 };
  },
  async close({ id }) {
    const one = open.get(id);
    open.delete(id);
    one?.destroy ? one.destroy() : one?.close();
  },
};

process.on("uncaughtException", (error) => process.stderr.write(`net-peer: ${error.stack}\n`));
createInterface({ input: process.stdin }).on("line", async (line) => {
  const request = JSON.parse(line);
  let reply;
  try {
    reply = await commands[request.do](request);
  } catch (error) {
    reply = { error: `${error.code ?? ""} ${error.message}`.trim() };
  }
  process.stdout.write(`${JSON.stringify({ call: request.call, ...reply })}\n`);
}).on("close", () => process.exit());
