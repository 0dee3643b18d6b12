// Seccomp policies: what keys make of them, and what liblxc would not take.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seccompPolicy, systemCalls, tidyPolicy } from "../../../server/api/config-keys/system-calls.ts";
import { elderSystemCalls, isSystemCall } from "../../../server/host/system-calls.ts";
import { checkInstanceConfig } from "../../../server/instances/config.ts";
import { hasSeccomp, renderSeccomp } from "../../../server/lxc/seccomp.ts";

const render = (config: Record<string, string>) => renderSeccomp(config, () => ["waitpid"]).trimEnd().split("\n");
const byDefault = ["2", "denylist", "reject_force_umount", "[all]", "kexec_load errno 38", "open_by_handle_at errno 38", "init_module errno 38", "finit_module errno 38", "delete_module errno 38", "[all]"];

test("what is denied comes after the default policy, which can be left out", () => {
  assert.deepEqual(render({}), byDefault);
  assert.deepEqual(render({ "security.syscalls.deny": "mkdir\n  unshare   errno\t1 # no" }), [...byDefault, "mkdir", "unshare errno 1"]);
  assert.deepEqual(render({ "security.syscalls.deny_default": "false" }), ["2", "denylist", "[all]"]);
  assert.deepEqual(render({ "security.syscalls.deny_compat": "true" }), [...byDefault, "waitpid errno 38"]);
});

test("nothing denied is no policy", () => {
  const off = { "security.syscalls.deny_default": "false" };
  assert.equal(hasSeccomp(off), false);
  const some: Record<string, string>[] = [
    {}, { ...off, "security.syscalls.deny": "mkdir" }, { ...off, "security.syscalls.allow": "read" }, { ...off, "security.syscalls.deny_compat": "true" },
    { "raw.seccomp": "2\ndenylist\n[all]\nmkdir" },
  ];
  for (const config of some) assert.equal(hasSeccomp(config), true, JSON.stringify(config));
});

test("a list of what is allowed, or a policy of the user's, stands for everything", () => {
  assert.deepEqual(render({ "security.syscalls.allow": "read\nwrite\n", "security.syscalls.deny_compat": "true" }), ["2", "allowlist", "[all]", "read", "write"]);
  assert.deepEqual(render({ "raw.seccomp": "2\ndenylist errno 1\n\n# mine\n[all]\nmkdir" }), ["2", "denylist errno 1", "[all]", "mkdir"]);
});

test("lines that liblxc takes are taken", () => {
  for (const line of ["mkdir", "mkdir errno 1", "mkdir kill", "mkdir trap", "ptrace allow", "ioctl errno 1 [1,0x9400,SCMP_CMP_MASKED_EQ,0xff00]",
    "clone errno 1 [0,268435456,&=,268435456][1,0,==]", "[all]", "[x86_64]", "[X86]", "reject_force_umount", "# words", "", "mkdir # words"]) assert.equal(systemCalls(line), undefined, line);
  for (const policy of ["2\ndenylist\nmkdir errno 1", "2\nallowlist errno 1\n[all]\nread", "1\nallowlist\n0\n1", "2\nwhitelist\nread"]) assert.equal(seccompPolicy(policy), undefined, policy);
});

test("lines that liblxc stumbles over, or passes over, are refused with the line", () => {
  for (const line of ["mkdir errno", "mkdir errno x", "mkdir log", "mkdir errno 99999", "mkdir notify", "mkdir [0,1,==]", "mkdir errno 1 [6,1,==]", "mkdir errno 1 [0,1,~]", "mkdir errno 1 [0,1,==][0,2,==]",
    "[sparc]", "[all", "mk-dir", "83", "mkdir errno 1 extra"]) assert.ok(systemCalls(`read\n${line}`)?.startsWith(`line "${line}": `), line);
  for (const policy of ["", "3\ndenylist", "2", "2\nsomelist", "2\ndenylist debug", "1\ndenylist\n1", "1\nallowlist\nread", "denylist\nmkdir"]) assert.match(seccompPolicy(policy) ?? "", /^line "/, policy);
  assert.deepEqual(tidyPolicy(" a  b\n#x\n\n c # d"), ["a b", "c"]);
});

test("a name that no architecture has is refused", () => {
  assert.ok(isSystemCall("mkdir") && isSystemCall("socketcall") && !isSystemCall("mkdri"));
  assert.throws(() => checkInstanceConfig({ "security.syscalls.deny": "mkdir\nmkdri errno 1" }), /line "mkdri errno 1": there is no such system call/);
  assert.throws(() => checkInstanceConfig({ "raw.seccomp": "2\ndenylist\nmkdri" }), /"mkdri"/);
  assert.deepEqual(checkInstanceConfig({ "security.syscalls.deny": "mkdri" }, { "security.syscalls.deny": "mkdri" }), { "security.syscalls.deny": "mkdri" }, "what is there can be sent back");
});

test("what excludes each other is refused together", () => {
  const others: Record<string, string>[] = [{ "security.syscalls.deny": "mkdir" }, { "security.syscalls.deny_default": "true" }, { "security.syscalls.deny_compat": "true" }];
  for (const other of others) {
    assert.throws(() => checkInstanceConfig({ "security.syscalls.allow": "read", ...other }), /mutually exclusive/);
  }
  assert.throws(() => checkInstanceConfig({ "raw.seccomp": "2\ndenylist", "security.syscalls.deny": "mkdir" }), /mutually exclusive/);
  assert.ok(checkInstanceConfig({ "security.syscalls.allow": "read", "security.syscalls.deny_default": "false" }));
});

test("32-bit programs have system calls of their own", { skip: process.arch !== "x64" && process.arch !== "arm64" }, () => {
  const calls = elderSystemCalls();
  assert.ok(calls.includes("waitpid") || calls.includes("sigaction"));
  assert.ok(!calls.includes("read") && calls.every((name) => isSystemCall(name)));
});
