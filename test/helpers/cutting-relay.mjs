// Runs in a daemon's network namespace: carries connections on to a port of 127.0.0.1, and cuts off so many of those that bring more
// than some bytes back. Tells its own port, and each cut.
// usage: cutting-relay.mjs PORT BYTES TIMES
import { connect, createServer } from "node:net";

const [port, bytes, times] = process.argv.slice(2).map(Number);
let left = times;

const server = createServer({ allowHalfOpen: true }, (from) => {
  const to = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  for (const [a, b] of [[from, to], [to, from]]) {
    a.on("error", () => b.destroy());
    a.on("close", () => b.destroy());
  }
  let carried = 0;
  from.pipe(to);
  to.on("end", () => from.end());
  to.on("data", (chunk) => {
    carried += chunk.length;
    from.write(chunk);
    if (carried < bytes || left <= 0) return;
    left--;
    to.pause();
    process.stdout.write("cut\n");
    setTimeout(() => from.destroy(), 20); // what was sent arrives
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
