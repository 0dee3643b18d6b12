// Reading and checking JSON bodies.
import { Ajv } from "ajv";
import type { TSchema } from "typebox";
import { fail } from "../api/errors.ts";

/** The largest JSON body, in bytes. */
export const bodyLimit = 10 * 1024 * 1024;

const ajv = new Ajv({ strict: false, coerceTypes: false, useDefaults: false, removeAdditional: false, allErrors: false });
const compiled = new WeakMap<TSchema, ReturnType<typeof ajv.compile>>();

/** Compiled when it is first needed: most schemas never are. */
function validatorOf(schema: TSchema): ReturnType<typeof ajv.compile> {
  let validate = compiled.get(schema);
  if (!validate) compiled.set(schema, (validate = ajv.compile(schema)));
  return validate;
}

/** Members that are null count as absent: clients send null for what they leave unset. */
function dropNulls(value: unknown, depth = 0): unknown {
  if (depth > 64) throw fail("bad_body", { reason: "it is nested too deeply" });
  if (Array.isArray(value)) return value.filter((item) => item !== null).map((item) => dropNulls(item, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && key !== "__proto__") kept[key] = dropNulls(item, depth + 1);
  }
  return kept;
}

/** Parses a body and checks it; none and `null` count as `{}`. Unknown members are let through, as LXD does. Throws `bad_body`. */
export function parseBody(schema: TSchema, bytes: Buffer | undefined): unknown {
  let value: unknown;
  try {
    value = JSON.parse(bytes?.length ? bytes.toString("utf8") : "{}");
  } catch (cause) {
    throw fail("bad_body", { reason: "it is not valid JSON" }, cause);
  }
  return checkBody(schema, dropNulls(value) ?? {});
}

function checkBody(schema: TSchema, value: unknown): unknown {
  const validate = validatorOf(schema);
  if (validate(value)) return value;
  const [first] = validate.errors ?? [];
  const at = first?.instancePath.slice(1).replaceAll("/", ".") || "the body";
  throw fail("bad_body", { reason: `${at} ${first?.message ?? "is not what was expected"}` });
}

/** What is wrong with an answer of our own, if anything: tests run with this switched on. */
export function responseFault(schema: TSchema, value: unknown): string | undefined {
  const validate = validatorOf(schema);
  return validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: "metadata" });
}
