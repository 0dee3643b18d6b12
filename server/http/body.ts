// Reading and checking JSON bodies.
import type { Readable } from "node:stream";
import { Ajv } from "ajv";
import type { TSchema } from "typebox";
import { fail } from "../api/errors.ts";

interface BodyLimits {
  /** In bytes. */
  size: number;
  /** In ms: how long it may take to come. */
  time: number;
}
/** Of a JSON body. */
export const bodyLimits: BodyLimits = { size: 10 * 1024 * 1024, time: 60_000 };
/** Of one from a stranger, who has nothing to send but a certificate and a token. */
export const strangersLimits: BodyLimits = { size: 64 * 1024, time: 10_000 };

/** All of a body. Throws `body_too_large` or `body_too_slow`. */
export function collectBody(stream: Readable, { size: limit, time }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (error: Error) => {
      clearTimeout(timer);
      stream.off("data", take).resume();
      reject(error);
    };
    const timer = setTimeout(() => giveUp(fail("body_too_slow", { limit: time / 1000 })), time);
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) giveUp(fail("body_too_large", { limit }));
      else chunks.push(chunk);
    };
    stream.on("data", take).once("error", giveUp);
    stream.once("close", () => stream.readableEnded || giveUp(fail("bad_body", { reason: "it ended before it was whole" })));
    stream.once("end", () => {
      clearTimeout(timer);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
  });
}

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
