// The keys that leave a console.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DetachKey } from "../../../cli/console/detach-key.ts";

/** Types chunks one after the other; tells what was sent, and whether the console was left. */
function type(...chunks: string[]): string {
  const key = new DetachKey();
  let sent = "";
  for (const chunk of chunks) {
    const { send, detach } = key.take(Buffer.from(chunk));
    sent += Buffer.from(send).toString("utf8");
    if (detach) return `${sent}|`;
  }
  return sent;
}

test("Ctrl-a q leaves, in one chunk or two, and what follows is not sent", () => {
  assert.equal(type("ab\x01qcd"), "ab|");
  assert.equal(type("ab\x01", "q", "cd"), "ab|");
  assert.equal(type("q", "\x01q"), "q|");
});

test("Ctrl-a Ctrl-a is one Ctrl-a, and one before another key is sent with it", () => {
  assert.equal(type("\x01\x01q"), "\x01q");
  assert.equal(type("\x01", "\x01", "\x01q"), "\x01|");
  assert.equal(type("a\x01bq"), "a\x01bq");
});

test("other bytes pass as they are", () => assert.equal(type("grüße q\r\x03\x1b[A"), "grüße q\r\x03\x1b[A"));
