// From what was read to what may be written: the members a PUT takes. YAML a user wrote has only
// texts, so numbers and truths are made of them here.
import type { CertificatePut } from "../server/api/certificates.ts";
import type { IdentityPut } from "../server/api/identities.ts";
import type { ImagePut } from "../server/api/images.ts";
import type { Instance, InstancePut } from "../server/api/instances.ts";
import type { ProfilePut } from "../server/api/profiles.ts";
import type { Config, DeviceMap } from "../server/api/schemas.ts";
import type { SnapshotPut } from "../server/api/snapshots.ts";
import { isTrue } from "../server/api/config-keys/key.ts";
import { CliError } from "./errors.ts";

type Fields = Record<string, unknown>;
const isNothing = (value: unknown) => value === undefined || value === null || value === "" || value === "null" || value === "~";

/** The members of a document. Throws when it is none. */
export function fieldsOf(document: unknown, what = "The YAML"): Fields {
  if (isNothing(document)) return {};
  if (typeof document !== "object" || Array.isArray(document)) throw new CliError(`${what} is not a set of keys and values`);
  return document as Fields;
}

export function configFrom(value: unknown): Config {
  return Object.fromEntries(
    Object.entries(fieldsOf(value, "config")).map(([key, item]) => {
      if (typeof item === "object" && item !== null) throw new CliError(`The value of "${key}" is not a text`);
      return [key, item === null || item === undefined ? "" : String(item)];
    }),
  );
}

/** A password that is set is shown as `true`, and sent back so it stays. */
export function serverConfigFrom(value: unknown): Record<string, string | true> {
  return Object.fromEntries(Object.entries(configFrom(value)).map(([key, text]) => [key, key === "core.trust_password" && text === "true" ? true : text]));
}

export function devicesFrom(value: unknown): DeviceMap {
  return Object.fromEntries(Object.entries(fieldsOf(value, "devices")).map(([name, device]) => [name, configFrom(device)]));
}

export function textsFrom(value: unknown): string[] {
  if (isNothing(value)) return [];
  if (!Array.isArray(value)) throw new CliError("A list is expected where there is none");
  return value.map(String);
}

const textFrom = (value: unknown) => (isNothing(value) ? "" : String(value));

/** The given members only, so that what is absent stays as it was or gets the server's default. */
function pick<T>(fields: Fields, readers: Record<string, (value: unknown) => unknown>): T {
  return Object.fromEntries(Object.entries(readers).filter(([key]) => key in fields).map(([key, read]) => [key, read(fields[key])])) as T;
}

const truth = (value: unknown) => isTrue(textFrom(value));

export function instancePutFrom(document: unknown): InstancePut {
  return pick(fieldsOf(document), {
    architecture: textFrom, config: configFrom, devices: devicesFrom, ephemeral: truth, profiles: textsFrom, stateful: truth, description: textFrom,
  });
}

export function snapshotPutFrom(document: unknown): SnapshotPut {
  return pick(fieldsOf(document), { expires_at: textFrom });
}

export function profilePutFrom(document: unknown): ProfilePut {
  return pick(fieldsOf(document), { config: configFrom, description: textFrom, devices: devicesFrom });
}

/** Networks and storage pools alike. */
export function configPutFrom(document: unknown): { config?: Config; description?: string } {
  return pick(fieldsOf(document), { config: configFrom, description: textFrom });
}

export function imagePutFrom(document: unknown): ImagePut {
  return pick(fieldsOf(document), { auto_update: truth, properties: configFrom, public: truth, expires_at: textFrom, profiles: textsFrom });
}

export function certificatePutFrom(document: unknown): CertificatePut {
  return pick(fieldsOf(document), { name: textFrom, type: textFrom, restricted: truth, projects: textsFrom, certificate: textFrom, role: textFrom });
}

export function identityPutFrom(document: unknown): IdentityPut {
  return pick(fieldsOf(document), { groups: textsFrom, tls_certificate: textFrom, restricted: truth, projects: textsFrom, role: textFrom });
}

/** What of an instance a PUT takes. */
export function writableInstance(instance: Instance): InstancePut {
  const { architecture, config, devices, ephemeral, profiles, stateful, description } = instance;
  return { architecture, config, devices, ephemeral, profiles, stateful, description };
}
