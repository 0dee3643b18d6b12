// Connections to servers elsewhere: TLS, with the client's certificate, to a server whose certificate was accepted once or is
// vouched for by an authority that the machine knows.
import type { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import { connect, rootCertificates, type TLSSocket } from "node:tls";
import { CliError, messageOf } from "../errors.ts";
import { fingerprintOf, type Identity } from "../remotes/certificate.ts";
import type { Dialer } from "./dialer.ts";

const connectTimeout = 10_000;

export interface TlsOptions {
  /** The name the user calls it by. */
  remote: string;
  /** `https://host:port` */
  address: string;
  /** The certificate that was accepted: SHA-256 of it, lower-case hex. */
  pinned?: string | undefined;
  identity?: Identity | undefined;
  /** A bearer token, which is sent to no server but an accepted one. */
  token?: string | undefined;
  /** PEM of the authority of an installation that has one of its own. */
  authority?: string | undefined;
}

/** Nobody vouches for the server's certificate: the user has to look at its fingerprint. */
export class UntrustedCertificate extends CliError {
  readonly certificate: X509Certificate;

  constructor(remote: string, address: string, certificate: X509Certificate, why: string) {
    super(`The certificate of ${address} is not trusted: ${why}`, {
      hint: `compare its fingerprint with the server's and accept it: berth remote add ${remote} ${address}\nFingerprint: ${fingerprintOf(certificate)}`,
    });
    this.certificate = certificate;
  }
}

export class TlsDialer implements Dialer {
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly #options: TlsOptions;

  constructor(options: TlsOptions) {
    this.#options = options;
    this.host = new URL(options.address).host;
    this.headers = options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` };
  }

  /** The certificate that the server showed last. */
  seen: X509Certificate | undefined;

  async dial(): Promise<Socket> {
    const { address, remote, pinned, identity, authority } = this.#options;
    const { hostname, port } = new URL(address);
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket = connect({
      host, port: Number(port || 443), minVersion: process.env["BERTH_INSECURE_TLS"] ? "TLSv1.2" : "TLSv1.3", ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: false, // it is judged below
      ...(isIP(host) ? {} : { servername: host }), ...identity,
      ...(pinned === undefined || authority !== undefined ? { ca: this.#authorities() } : { ca: [] }),
    });
    await secured(socket);
    const certificate = socket.getPeerX509Certificate();
    this.seen = certificate;
    if (certificate && pinned !== undefined && fingerprintOf(certificate) === pinned) return socket;
    if (socket.authorized && (pinned === undefined || authority !== undefined)) return socket;
    socket.destroy();
    if (!certificate) throw new CliError(`${address} showed no certificate`);
    if (pinned === undefined) throw new UntrustedCertificate(remote, address, certificate, describe(socket.authorizationError));
    throw new CliError(`The certificate of the remote "${remote}" has changed: it is not the one that was accepted`, {
      hint: `somebody may be in between. If the server has a new one, compare the fingerprint ${fingerprintOf(certificate)} with it, then: berth remote remove ${remote} and add it again.`,
    });
  }

  explain(error: unknown): unknown {
    return explainTlsError(error, this.#options.remote, this.#options.address);
  }

  /** Undefined: those that Node knows. */
  #authorities(): string[] | undefined {
    const { authority } = this.#options;
    if (authority !== undefined) return [authority];
    const file = process.env["BERTH_CA"];
    return file ? [...rootCertificates, readFileSync(file, "utf8")] : undefined;
  }
}

function describe(error: unknown): string {
  const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return code.toLowerCase().replaceAll("_", " ");
}

/** Resolves when the handshake is done. */
function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), connectTimeout);
    const settle = (error?: Error) => {
      clearTimeout(timer);
      socket.off("error", settle).off("close", onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = () => settle(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
    socket.once("secureConnect", () => settle()).once("error", settle).once("close", onClose);
  });
}

function explainTlsError(cause: unknown, remote: string, address: string): unknown {
  if (cause instanceof CliError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const hint = `is it on, and does it listen there? (berth config set core.https_address :8443 on the server); another address: berth remote set-url ${remote} URL`;
  if (["ENOTFOUND", "EAI_AGAIN"].includes(code)) return new CliError(`Cannot find the host of ${address}`, { cause, hint: `check the name: berth remote set-url ${remote} URL` });
  if (["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ECONNRESET"].includes(code)) return new CliError(`The server ${address} cannot be reached: ${messageOf(cause)}`, { cause, hint });
  if (/ssl|tls/i.test(`${code} ${messageOf(cause)}`)) return new CliError(`The server ${address} does not speak TLS as it should: ${messageOf(cause)}`, { cause, hint: "is the port right?" });
  return cause;
}
