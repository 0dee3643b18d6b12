// What the trust store has to know of a certificate.
import { X509Certificate } from "node:crypto";
import { fail } from "../api/errors.ts";

export interface ParsedCertificate {
  fingerprint: string;
  der: Buffer;
  /** The subject's common name; empty when it has none. */
  commonName: string;
  /** From when until when it is good, in ms. */
  from: number;
  until: number;
  /** Of an RSA key; undefined for others. */
  rsaBits: number | undefined;
}

export function describeCertificate(x509: X509Certificate): ParsedCertificate {
  const key = x509.publicKey;
  return {
    fingerprint: x509.fingerprint256.replaceAll(":", "").toLowerCase(), der: x509.raw,
    commonName: (/^CN=(.*)$/m.exec(x509.subject)?.[1] ?? "").replace(/[^\x20-\x7e\u00a0-\uffff]/g, "").slice(0, 255),
    from: Date.parse(x509.validFrom), until: Date.parse(x509.validTo),
    rsaBits: key.asymmetricKeyType === "rsa" ? key.asymmetricKeyDetails?.modulusLength : undefined,
  };
}

/** From DER or PEM. Throws `certificate_invalid`. */
export function parseCertificate(material: Buffer | string): ParsedCertificate {
  try {
    return describeCertificate(new X509Certificate(material));
  } catch (cause) {
    throw fail("certificate_invalid", { reason: "Invalid certificate material: it is no X.509 certificate" }, cause);
  }
}

export function isWithinDates({ from, until }: ParsedCertificate, now = Date.now()): boolean {
  return now >= from && now <= until;
}

/** Throws `certificate_invalid` for one that nobody could use. */
export function assertUsable(certificate: ParsedCertificate, now = Date.now()): void {
  const no = (reason: string) => fail("certificate_invalid", { reason });
  if (now < certificate.from) throw no("The provided certificate isn't valid yet");
  if (!(now <= certificate.until)) throw no("The provided certificate is expired");
  if (certificate.rsaBits !== undefined && certificate.rsaBits < 2048) throw no("RSA key is too weak (minimum of 2048bit)");
}

export function toPem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}(?!$)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}
