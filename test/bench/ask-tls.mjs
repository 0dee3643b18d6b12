// Runs in a daemon's network namespace: requests on one TLS connection, each after the answer to the one before, with next to no work
// of its own. Prints how many milliseconds they took.
// usage: IDENTITY={cert, key} ask-tls.mjs PORT PATH TIMES
import { connect } from "node:tls";

const [port, path, times] = process.argv.slice(2);
const socket = connect({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false, ...JSON.parse(process.env.IDENTITY) });
const fail = (error) => {
  process.stderr.write(`${error.message ?? error}\n`);
  process.exit(1);
};
socket.on("error", fail);

let answered = 0;
let since = 0;
let text = "";
const ask = () => socket.write(`GET ${path} HTTP/1.1\r\nHost: berth\r\n\r\n`);
socket.once("secureConnect", () => {
  since = performance.now();
  ask();
});
socket.on("data", (data) => {
  text += data.toString("latin1");
  if (!text.endsWith("\n") || !text.includes("\r\n\r\n{")) return;
  if (!text.startsWith("HTTP/1.1 200 ")) fail(text.slice(0, 200));
  text = "";
  if (++answered < Number(times)) return ask();
  process.stdout.write(String(performance.now() - since));
  socket.destroy();
});
