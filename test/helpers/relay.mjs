// Runs in a daemon's network namespace: carries each connection to a unix socket on to a port of 127.0.0.1 there.
// usage: relay.mjs SOCKET PORT
import { connect, createServer } from "node:net";

const [path, port] = process.argv.slice(2);
createServer({ allowHalfOpen: true }, (from) => {
  const to = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  for (const [a, b] of [[from, to], [to, from]]) {
    a.on("error", () => b.destroy());
    a.on("close", () => b.destroy());
    a.pipe(b);
  }
}).listen(path, () => process.stdout.write("ready\n"));
