// The few calls the demo makes to the daemon by itself, over its unix socket.
import { request } from "node:http";
import { StepError } from "../setup/step.mjs";

/** One call; resolves with the envelope, whatever it says. */
export function call(socketPath, method, path, body) {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path, headers: { "content-type": "application/json" } }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      res.on("end", () => {
        try {
          resolve(JSON.parse(text));
        } catch {
          reject(new StepError(`${method} ${path}: the daemon answered ${res.statusCode} with something else than JSON`));
        }
      });
    });
    req.on("error", reject);
    req.setTimeout(120_000, () => req.destroy(new Error(`${method} ${path}: no answer within 120 s`)));
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A call that must succeed, with the operation it may start. Resolves with the metadata. */
export async function must(socketPath, method, path, body) {
  let envelope = await call(socketPath, method, path, body);
  if (envelope.type === "async") envelope = await call(socketPath, "GET", `${envelope.operation}/wait?timeout=120`);
  const failed = envelope.type === "error" ? envelope.error : envelope.metadata?.err;
  if (failed) throw new StepError(`${method} ${path}: ${failed}`);
  return envelope.metadata;
}

/** Whether a daemon answers on the socket. */
export async function answers(socketPath) {
  try {
    return (await call(socketPath, "GET", "/1.0")).type === "sync";
  } catch {
    return false;
  }
}
