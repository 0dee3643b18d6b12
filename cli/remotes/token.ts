// The bearer token of a remote: a file of its own, for the user's eyes only.
import { existsSync, readFileSync } from "node:fs";
import { CliError } from "../errors.ts";
import { type ClientConfig, tokenFile } from "./config.ts";

/** A token as it can be sent. Throws when it is none. */
export function checkToken(text: string): string {
  const token = text.trim();
  if (/^[\w.~+/-]+=*$/.test(token)) return token;
  throw new CliError(token === "" ? "No token was given" : "That is not a token", { hint: "berth auth identity token issue bearer/NAME prints one on the server." });
}

export function readToken(config: ClientConfig, remote: string): string {
  const file = tokenFile(config, remote);
  if (!existsSync(file)) throw new CliError(`The token of the remote "${remote}" is missing: ${file}`, { hint: `remove the remote and add it again: berth remote remove ${remote}` });
  return checkToken(readFileSync(file, "utf8"));
}

/** The fingerprint of the server that a token is of, as it says itself. */
export function serverOfToken(token: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { server_cert_fingerprint?: unknown };
    return typeof claims.server_cert_fingerprint === "string" ? claims.server_cert_fingerprint : undefined;
  } catch {
    return undefined;
  }
}
