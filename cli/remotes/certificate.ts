// The client's certificate: a key on P-384 and a certificate that it signs itself, in DER written here.
import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { writeOwnFile } from "./config.ts";

export interface Identity {
  /** PEM. */
  cert: string;
  key: string;
}

const validYears = 10;

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const length = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const set = (...parts: Uint8Array[]) => der(0x31, ...parts);
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const octets = (bytes: Uint8Array) => der(0x04, bytes);
const bits = (bytes: Uint8Array, unused = 0) => der(0x03, Buffer.from([unused]), bytes);
const yes = der(0x01, Buffer.from([0xff]));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of others) {
    const group = [part & 0x7f];
    for (let rest = part >> 7; rest > 0; rest >>= 7) group.unshift((rest & 0x7f) | 0x80);
    bytes.push(...group);
  }
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime ends with the year 2049. */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]|\.\d+/g, "")}`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

const name = (organization: string, common: string) =>
  sequence(set(sequence(oid("2.5.4.10"), utf8(organization))), set(sequence(oid("2.5.4.3"), utf8(common))));

const extension = (id: string, value: Uint8Array, isCritical = false) => sequence(oid(id), ...(isCritical ? [yes] : []), octets(value));

/** A certificate that proves who a client is. */
export function makeIdentity(common: string, now = new Date()): Identity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const algorithm = sequence(oid("1.2.840.10045.4.3.3")); // ECDSA with SHA-384
  const subject = name("berth", common);
  const until = new Date(now);
  until.setUTCFullYear(now.getUTCFullYear() + validYears);
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0); // positive, and of this length
  const extensions = sequence(
    extension("2.5.29.15", bits(Buffer.from([0xa0]), 5), true), // digital signature, key encipherment
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.2"))), // client authentication
    extension("2.5.29.19", sequence(), true), // no authority
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), der(0x02, serial), algorithm, subject, sequence(time(now), time(until)), subject,
    publicKey.export({ type: "spki", format: "der" }), der(0xa3, extensions),
  );
  const certificate = sequence(body, algorithm, bits(sign("sha384", body, privateKey)));
  return { cert: renderPem(certificate), key: privateKey.export({ type: "sec1", format: "pem" }) as string };
}

export function renderPem(raw: Uint8Array): string {
  const lines = Buffer.from(raw).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
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
