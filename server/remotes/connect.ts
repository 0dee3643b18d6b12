// TLS connections to other servers: known by their certificate when one is given, else by the authorities of this machine.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connect, rootCertificates, type TLSSocket } from "node:tls";
import { fail } from "../api/errors.ts";
import { openTunnel } from "./proxy.ts";

const connectLimit = 10_000;

/** Where a server is, and how it is known. */
export interface ServerAddress {
  /** `https://host:port`. */
  url: string;
  /** PEM of the certificate it must have. */
  certificate?: string | undefined;
  /** A proxy on the way. */
  proxy?: URL | undefined;
}

/** Authorities besides Node's own: the file that NODE_EXTRA_CA_CERTS named when the daemon was started. */
function authorities(): string[] | undefined {
  const file = process.env["BERTH_CA"];
  return file ? [...rootCertificates, readFileSync(file, "utf8")] : undefined;
}

/** Opens a connection. Throws `remote_unreachable` or `remote_certificate`; nothing has been sent then. */
export async function connectTls({ url, certificate, proxy }: ServerAddress): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const pinned = certificate ? new X509Certificate(certificate).raw : undefined;
  const tunnel = proxy && (await openTunnel(proxy, `${hostname}:${port || 443}`));
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...(tunnel ? { socket: tunnel } : { host, port: Number(port || 443) }), ...(isIP(host) ? {} : { servername: host }), ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: pinned === undefined, ...(pinned ? {} : { ca: authorities() }),
    });
    const giveUp = (error: Error) => {
      socket.destroy();
      reject(fail("remote_unreachable", { url, reason: error.message }, error));
    };
    const timer = setTimeout(() => giveUp(new Error(`no connection within ${connectLimit / 1000} s`)), connectLimit);
    socket.once("error", giveUp);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", giveUp);
      if (pinned && !socket.getPeerX509Certificate()?.raw.equals(pinned)) {
        socket.destroy();
        reject(fail("remote_certificate", { url }));
      } else resolve(socket);
    });
    socket.once("close", () => clearTimeout(timer));
  });
}
