// The client's certificate: a key on P-384 and a certificate that it signs itself.
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../../server/https/make-certificate.ts";
import { CliError } from "../errors.ts";
import { writeOwnFile } from "./config.ts";

export interface Identity {
  /** PEM. */
  cert: string;
  key: string;
}

/** A certificate that proves who a client is. */
export function makeIdentity(commonName: string, now = new Date()): Identity {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  return { cert: makeCertificate(privateKey, { commonName, purpose: "client" }, now), key: privateKey.export({ type: "sec1", format: "pem" }) as string };
}

/** SHA-256, as LXD writes it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

/** The fingerprint of the certificate in a file; undefined when there is no file. */
export function pinOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return fingerprintOf(new X509Certificate(readFileSync(file)));
  } catch (cause) {
    throw new CliError(`${file} is not a certificate`, { cause, hint: "remove the remote and add it again." });
  }
}

/** PEM of the authority that signs the servers' certificates, in an installation that has one. */
export function readAuthority(folder: string): string | undefined {
  const file = join(folder, "client.ca");
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** The certificate of the client, when it has one. */
export function readIdentity(folder: string): Identity | undefined {
  const [cert, key] = [join(folder, "client.crt"), join(folder, "client.key")];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  const identity = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  if (/^Proc-Type: .*ENCRYPTED/m.test(identity.key)) throw new CliError(`The key ${key} is encrypted`, { hint: "decrypt it: openssl ec -in client.key -out client.key" });
  return identity;
}

/** The same, made when there is none. The key comes last: with it the pair is whole. */
export function ensureIdentity(folder: string): Identity {
  const found = readIdentity(folder);
  if (found) return found;
  const made = makeIdentity(`${userName()}@${hostname()}`);
  writeOwnFile(join(folder, "client.crt"), made.cert, 0o644);
  writeOwnFile(join(folder, "client.key"), made.key, 0o600);
  return made;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "user"; // an id without a name
  }
}
