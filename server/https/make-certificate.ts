// Certificates that are signed by themselves, the server's and those of clients: they are known by their fingerprints.
import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { bits, der, integer, octets, oid, sequence, set, time, truth, utf8 } from "./der.ts";

const ecdsaWithSha384 = sequence(oid("1.2.840.10045.4.3.3"));
const validYears = 10;

const attribute = (id: string, value: string) => set(sequence(oid(id), utf8(value)));
const extension = (id: string, value: Buffer, critical = false) => sequence(oid(id), ...(critical ? [truth] : []), octets(value));

/** A host name or an IP address, as subjectAltName has it. */
function alternativeName(name: string): Buffer {
  return isIP(name) ? der(0x87, Buffer.from(ipaddr.parse(name).toByteArray())) : der(0x82, Buffer.from(name));
}

const purposes = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

export interface CertificateSubject {
  commonName: string;
  /** Host names and addresses that it is good for. */
  names?: readonly string[];
  purpose: keyof typeof purposes;
}

/** Makes the PEM of a certificate for an elliptic key of curve P-384, good for ten years. */
export function makeCertificate(key: KeyObject, { commonName, names = [], purpose }: CertificateSubject, from = new Date()): string {
  const name = sequence(attribute("2.5.4.10", "Berth"), attribute("2.5.4.3", commonName));
  const until = new Date(from);
  until.setUTCFullYear(from.getUTCFullYear() + validYears);
  const digitalSignature = Buffer.from([0x80]);
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) | 1; // no leading zeros, which DER has no place for
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))), integer(serial), ecdsaWithSha384,
    name, sequence(time(from), time(until)), name,
    createPublicKey(key).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(
      extension("2.5.29.19", sequence(), true),
      extension("2.5.29.15", bits(digitalSignature, 7), true),
      extension("2.5.29.37", sequence(oid(purposes[purpose]))),
      ...(names.length > 0 ? [extension("2.5.29.17", sequence(...names.map(alternativeName)))] : []),
    )),
  );
  return renderPem(sequence(body, ecdsaWithSha384, bits(sign("sha384", body, key))));
}

/** A certificate in DER as PEM. */
export function renderPem(raw: Buffer): string {
  const lines = raw.toString("base64").replace(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
