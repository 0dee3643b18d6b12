// Fetching from web servers: https by this machine's authorities and those of $BERTH_CA, redirects followed, silence ended.
import { readFileSync } from "node:fs";
import { get as getPlain, type IncomingMessage } from "node:http";
import { rootCertificates } from "node:tls";

const redirectLimit = 5;
const idleLimit = 60_000;

function authorities(): string[] | undefined {
  const file = process.env["BERTH_CA"];
  return file ? [...rootCertificates, readFileSync(file, "utf8")] : undefined;
}

/** The answer to a GET, when it is a file. Throws an error whose message says why not; passwords in the URL are sent to that server only. */
export async function openUrl(url: string, signal?: AbortSignal, redirects = 0): Promise<IncomingMessage> {
  const { protocol } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") throw new Error(`it leads to ${protocol}`);
  const response = await new Promise<IncomingMessage>((answer, reject) => {
    const options = { signal, timeout: idleLimit };
    const start = async () => protocol === "https:" ? (await import("node:https")).get(url, { ...options, ca: authorities() }, answer) : getPlain(url, options, answer);
    start().then((request) => {
      request.on("timeout", () => request.destroy(new Error(`nothing came for ${idleLimit / 1000} s`)));
      request.on("error", reject);
    }, reject);
  });
  const { statusCode = 0, headers } = response;
  if (statusCode === 200) return response;
  response.destroy();
  if (statusCode < 300 || statusCode >= 400 || !headers.location) throw new Error(`the answer is ${statusCode}`);
  if (redirects >= redirectLimit) throw new Error("it leads from one address to the next");
  const next = new URL(headers.location, url);
  if (protocol === "https:" && next.protocol !== "https:") throw new Error(`it leads to ${next.protocol}`);
  return openUrl(next.href, signal, redirects + 1);
}

/** A text of at most `limit` bytes. */
export async function fetchText(url: string, limit: number, signal?: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of await openUrl(url, signal)) {
    size += (part as Buffer).length;
    if (size > limit) throw new Error(`it is larger than ${limit} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString("utf8");
}
