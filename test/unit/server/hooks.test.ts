// What containers' hooks say is heard, also what they said before anybody listened, and at once when it is asked for.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { StopHooks } from "../../../server/lxc/hooks.ts";
import { Paths } from "../../../server/paths.ts";

test("hooks are heard from before the daemon has its lock, line by line, and at once when it asks", async (t) => {
  const paths = new Paths(mkdtempSync(join(tmpdir(), "berth-hooks-test-")));
  t.after(() => rmSync(paths.root, { recursive: true, force: true }));
  mkdirSync(`${paths.root}/hooks`);
  const hooks = new StopHooks(paths);
  t.after(() => hooks.close());
  const say = (text: string) => writeFileSync(paths.hookFifo, text);
  const heard: string[] = [];
  const since = () => heard.splice(0);
  say("stop early reboot\n");
  hooks.hear();
  hooks.listen(paths, ({ name, reboot }) => heard.push(`${name} ${reboot}`));
  hooks.hear();
  assert.deepEqual(since(), ["early true"]);
  say("stop a stop\nstop b reboot\nsto");
  hooks.hear();
  assert.deepEqual(since(), ["a false", "b true"]);
  say("p c stop\nnonsense\n");
  for (let tries = 0; tries < 200 && heard.length === 0; tries++) await sleep(5); // without being asked for
  assert.deepEqual(since(), ["c false"]);
  hooks.hear();
  assert.deepEqual(since(), []);
});
