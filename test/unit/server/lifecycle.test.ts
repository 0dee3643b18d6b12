// Pure decisions about the life of instances: who stops first, who comes back, and when.
import assert from "node:assert/strict";
import { test } from "node:test";
import { restartDelay } from "../../../server/instances/autorestart.ts";
import { initEndIn } from "../../../server/lxc/init-end.ts";
import { stopOrder } from "../../../server/shutdown.ts";

test("higher priorities stop first, the same at once", () => {
  const members = [{ name: "a", priority: 0 }, { name: "b", priority: 10 }, { name: "c", priority: -5 }, { name: "d", priority: 0 }];
  assert.deepEqual(stopOrder(members).map((group) => group.map(({ name }) => name)), [["b"], ["a", "d"], ["c"]]);
  assert.deepEqual(stopOrder([]), []);
});

test("tells a crash from an end", () => {
  const log = (end: string) => `lxc a 2026 INFO     start - ../start.c:1 - up\nlxc a 2026 INFO error - ../error.c:28 - ${end}\nlxc a 2026 INFO utils - Executing script "/x/post-stop" for container "a"\n`;
  for (const end of ["Child <7> ended on signal Killed(2)", "Child <7> ended on signal Killed(1)", "Stopped"]) assert.equal(initEndIn(log(end)), "clean", end);
  for (const end of ["Child <7> ended on signal Killed(9)", "Child <7> ended on signal Killed(11)", "Child <7> ended on error (1)"]) assert.equal(initEndIn(log(end)), "crash", end);
  // Who rebooted without a daemon has ended several times: the last one counts.
  assert.equal(initEndIn(log("Child <7> ended on signal Killed(1)") + log("Child <9> ended on signal Killed(9)")), "crash");
  assert.equal(initEndIn(log("Child <7> ended on signal Killed(9)") + log("Child <9> ended on signal Killed(2)")), "clean");
  assert.equal(initEndIn("lxc a 2026 INFO start - up\n"), "crash"); // its monitor was killed
  assert.equal(initEndIn("lxc a 2026 WARN start - hm\n"), "unknown");
  assert.equal(initEndIn(""), "unknown");
});

test("waits longer for each start, and a minute at most", () => {
  assert.deepEqual([0, 1, 2, 3, 6, 7, 50, 2000].map(restartDelay), [0, 1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
});
