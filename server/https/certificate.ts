// The server's own certificate and key: server.crt and server.key in $BERTH_DIR, made when they are missing.
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import { createSecureContext } from "node:tls";
import { fail } from "../api/errors.ts";
import { replaceFile } from "../host/replace-file.ts";
import type { Paths } from "../paths.ts";
import { makeCertificate } from "./make-certificate.ts";
import { ownAddresses } from "./own-addresses.ts";

export interface ServerCertificate {
  /** PEM; further certificates of its chain may follow. */
  certificate: string;
  key: string;
  fingerprint: string;
  /** PEM of the authority that has to have signed what clients show, and of what it has revoked. */
  authority?: { ca: string; crl?: string };
}

/** SHA-256 of the DER form, as LXD writes fingerprints. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/** What clients may call this machine. */
function ownNames(): string[] {
  const host = /^[a-z\d]([\w.-]*[a-z\d])?$/i.test(os.hostname()) ? os.hostname() : "localhost";
  return [...new Set([host, "127.0.0.1", "::1", ...ownAddresses()])];
}

function makePair({ serverCertificate, serverKey }: Paths): void {
  let key: KeyObject;
  if (existsSync(serverKey)) key = createPrivateKey(readFileSync(serverKey)); // of a daemon that came no further
  else {
    key = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    replaceFile(serverKey, key.export({ type: "sec1", format: "pem" }) as string, 0o600);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "secp384r1") throw new Error(`${serverKey} is there, ${serverCertificate} is not`);
  replaceFile(serverCertificate, makeCertificate(key, { commonName: `root@${os.hostname()}`, names: ownNames(), purpose: "server" }), 0o644);
}

function readAuthority(paths: Paths): ServerCertificate["authority"] {
  if (!existsSync(paths.authority)) return undefined;
  const ca = readFileSync(paths.authority, "utf8");
  new X509Certificate(ca); // one that is none is taken for no authority at all otherwise
  return { ca, ...(existsSync(paths.revoked) ? { crl: readFileSync(paths.revoked, "utf8") } : {}) };
}

/** Reads the pair, or makes it. Throws `server_certificate_broken`. */
export function readServerCertificate(paths: Paths): ServerCertificate {
  try {
    if (!existsSync(paths.serverCertificate)) makePair(paths);
    const certificate = readFileSync(paths.serverCertificate, "utf8");
    const key = readFileSync(paths.serverKey, "utf8");
    const authority = readAuthority(paths);
    createSecureContext({ cert: certificate, key, ...authority }); // throws when they do not belong together, or cannot be read
    return { certificate, key, fingerprint: fingerprintOf(new X509Certificate(certificate)), ...(authority ? { authority } : {}) };
  } catch (error) {
    const files = [paths.serverCertificate, paths.serverKey, ...[paths.authority, paths.revoked].filter(existsSync)];
    const reason = `${files.join(", ")}: ${(error as Error).message}`;
    throw fail("server_certificate_broken", { reason }, error);
  }
}
