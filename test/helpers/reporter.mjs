// Reporter of node:test for test/run.mjs: one JSON line for each test that ended.

/** What a failure says: the assertion's text and where it stands. */
function describe(error) {
  const cause = error?.cause ?? error;
  if (!(cause instanceof Error)) return String(cause?.message ?? cause ?? "failed");
  const chain = cause.cause === undefined ? "" : `\ncaused by: ${cause.cause?.stack ?? cause.cause}`;
  const lines = `${cause.stack ?? cause.message}${chain}`.split("\n");
  return lines.filter((line) => !/^\s+at .*\(?node:/.test(line)).join("\n");
}

export default async function* reporter(source) {
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const suite = data.details?.type === "suite";
    if (suite && type === "test:pass") continue;
    // A suite fails when one of its tests does, which has been told; by itself only in its hooks.
    const inherited = data.details?.error?.failureType === "subtestsFailed";
    if (type === "test:fail" && inherited) continue;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const result = skipped ? "skipped" : type === "test:pass" ? "passed" : "failed";
    const message = result === "failed" ? describe(data.details?.error) : undefined;
    yield `${JSON.stringify({ result, title: data.name, message })}\n`;
  }
}
