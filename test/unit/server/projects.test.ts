// Whose things a project uses, and what its limits add up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { openDatabase } from "../../../server/db/open.ts";
import { isWithin } from "../../../server/devices/disk/within.ts";
import { withProject } from "../../../server/http/users.ts";
import { assertLimitsFit, assertWithinLimits, type Member, usageOf } from "../../../server/projects/limits.ts";
import { settingIn } from "../../../server/projects/setting.ts";
import { ProjectStore } from "../../../server/projects/store.ts";
import { Settings } from "../../../server/settings.ts";

function someProjects(): ProjectStore {
  const projects = new ProjectStore(openDatabase(":memory:"));
  projects.insert({ name: "own", description: "", config: { "features.images": "yes", "features.profiles": "true" } });
  projects.insert({ name: "shared", description: "", config: { "features.images": "false" } });
  return projects;
}

test("a project uses its own things where it has some, else the default project's", () => {
  const projects = someProjects();
  assert.deepEqual(["default", "own", "shared"].map((name) => projects.owner(name, "images")), ["default", "own", "default"]);
  assert.equal(projects.owner("own", "networks"), "default");
  assert.deepEqual(projects.usersOf("default", "profiles"), ["default", "shared"]);
  assert.deepEqual(projects.usersOf("own", "profiles"), ["own"]);
  assert.throws(() => projects.owner("nope", "images"), (error) => isCode(error, "project_not_found"));
});

test("a setting is the project's, else the server's", () => {
  const db = openDatabase(":memory:");
  const [projects, settings] = [new ProjectStore(db), new Settings(db)];
  projects.insert({ name: "own", description: "", config: { "user.x": "own" } });
  projects.insert({ name: "shared", description: "", config: {} });
  settings.save({ "user.x": "server", "user.y": "2" });
  const asked = [["own", "user.x"], ["shared", "user.x"], ["own", "user.y"], ["own", "user.z"]] as const;
  assert.deepEqual(asked.map(([name, key]) => settingIn({ projects, settings }, name, key)), ["own", "server", "2", ""]);
});

test("what was taken back is forgotten, also by those who were told", () => {
  const projects = someProjects();
  let told = 0;
  projects.onChange(() => told++);
  const broken = () => {
    assert.ok(projects.find("new"), "seen while it is made");
    throw new Error("no");
  };
  assert.throws(() => projects.insert({ name: "new", description: "", config: {} }, broken), /no/);
  assert.equal(projects.find("new"), undefined);
  assert.ok(told >= 2);
  projects.save(projects.get("own"), { as: "mine" });
  assert.deepEqual(projects.list().map(({ name }) => name), ["default", "mine", "shared"]);
});

const member = (name: string, config: Record<string, string>, size = ""): Member => ({ name, config, devices: { root: { type: "disk", path: "/", pool: "p", ...(size ? { size } : {}) } } });
const project = (config: Record<string, string>) => ({ name: "p", description: "", config });
const two = [member("a", { "limits.memory": "1GiB", "limits.cpu": "2" }, "2GB"), member("b", { "limits.memory": "50%", "limits.cpu": "0-1" })];

test("usage adds up what can be told, and says -1 where there is no limit", () => {
  const usage = usageOf(project({ "limits.memory": "4GiB", "limits.containers": "5" }), two, 3);
  assert.deepEqual([usage.memory, usage.cpu, usage.disk], [{ Limit: 4 * 2 ** 30, Usage: 2 ** 30 }, { Limit: -1, Usage: 2 }, { Limit: -1, Usage: 2e9 }]);
  assert.deepEqual([usage.containers, usage.networks], [{ Limit: 5, Usage: 2 }, { Limit: -1, Usage: 3 }]);
});

test("limits name the key and who uses it", () => {
  const limits = project({ "limits.disk": "3GB" });
  const members = [member("a", {}, "2GB"), member("b", {}, "2GB")];
  const caught = (work: () => void) => {
    try {
      work();
    } catch (error) {
      return error as Error & { hint?: string };
    }
    throw new Error("nothing was refused");
  };
  const reached = caught(() => assertWithinLimits(limits, members));
  assert.equal(reached.message, 'Reached maximum aggregate value "3GB" for "limits.disk" in project "p"');
  assert.equal(reached.hint, "What uses it: a (2GB), b (2GB)");
  assert.equal(caught(() => assertLimitsFit(limits, members)).message, '"limits.disk" is too low: current total is "3.7GiB"');
  assert.doesNotThrow(() => assertWithinLimits(project({ "limits.disk": "4GB", "limits.containers": "2" }), members));
});

test("a path is below a folder by its words", () => {
  const inside = ["/home/u", "/home/u/", "/home/u/x", "/home/u/a/../b", "/home/u/..x"];
  const outside = ["/home", "/home/ux", "/home/u/../v", "/", "/home/u/../../etc"];
  assert.deepEqual([...inside, ...outside].map((path) => isWithin("/home/u", path)), [...inside.map(() => true), ...outside.map(() => false)]);
});

test("a request of a user's is about its project when it names none", () => {
  const cases: [string, string][] = [
    ["/1.0/instances", "/1.0/instances?project=user-7"], ["/1.0/instances?", "/1.0/instances?project=user-7"], ["/1.0/x?a=b&c=", "/1.0/x?a=b&c=&project=user-7"],
    ["/1.0/x?project=&a=b%20c", "/1.0/x?project=user-7&a=b+c"], ["/1.0/x?project=default", "/1.0/x?project=default"], ["/1.0/x?all-projects=true", "/1.0/x?all-projects=true"],
  ];
  for (const [given, expected] of cases) assert.equal(withProject(given, "user-7"), expected);
});
