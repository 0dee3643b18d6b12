// A web server of tests: serves a folder over TLS or plainly, and misbehaves as FOLDER/.faults says; what was asked is in FOLDER/.requests.
// usage: mirror.mjs FOLDER CERT KEY   (CERT "-": plain); tells its port
import { appendFileSync, createReadStream, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

const [folder, cert, key] = process.argv.slice(2);
const faultsFile = `${folder}/.faults`;
const read = () => (existsSync(faultsFile) ? JSON.parse(readFileSync(faultsFile, "utf8")) : {});

/** A fault holds for so many `times`; for ever when nothing is said. */
function takeFault(path) {
  const all = read();
  const fault = all[path] ?? all["*"];
  if (fault?.times === 0) return {};
  if (fault?.times > 0) {
    fault.times--;
    writeFileSync(faultsFile, JSON.stringify(all));
  }
  return fault ?? {};
}

function answer(request, response) {
  const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
  appendFileSync(`${folder}/.requests`, `${request.method} ${path} ${request.headers.range ?? "-"} ${request.headers["user-agent"] ?? "-"}\n`);
  const fault = takeFault(path);
  if (fault.hang === "head") return;
  if (fault.redirect) return response.writeHead(302, { location: fault.redirect }).end();
  if (fault.status) return response.writeHead(fault.status).end("no");
  const file = `${folder}${fault.instead ?? path}`;
  if (fault.headers) return response.writeHead(200, fault.headers).end();
  if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end("not found");
  const { size } = statSync(file);
  const from = fault.noRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, { "content-length": size - from, ...(from > 0 ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {}) });
  if (request.method === "HEAD") return response.end();
  let sent = 0;
  const stream = createReadStream(file, { start: from, highWaterMark: fault.piece ?? 64 * 1024 });
  stream.on("data", (chunk) => {
    sent += chunk.length;
    response.write(chunk);
    if (fault.slow) {
      stream.pause();
      setTimeout(() => stream.resume(), fault.slow);
    }
    if (fault.cut !== undefined && sent >= fault.cut) {
      stream.destroy();
      setTimeout(() => response.destroy(), 20); // what was sent arrives
    }
    if (fault.hang === "body" && sent >= 1) stream.destroy();
  });
  stream.on("end", () => response.end());
}

const server = cert === "-" ? createServer(answer) : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer);
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
process.on("SIGTERM", () => process.exit());
