// npm test [-- FILTER…]: set-up, build, then all suites in order; ends with the line "N passed, N failed".
// npm run check: lint, types, rules and unit tests; needs no root.
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../snap/build.mjs";
import { say, script } from "../snap/setup/step.mjs";
import { setup } from "../snap/setup.mjs";
import { isolateLeftovers, markOfFile, sweep } from "./helpers/leftovers.mjs";
import { runFile, runTool } from "./helpers/run-file.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const minute = 60_000;

/** Suites in the order they run. `together`: how many files at once; system tests mostly wait. `alone`: what measures times, or loads all processors. */
const suites = [
  { name: "rules", together: 2, limit: 2 * minute },
  { name: "unit", together: 2, limit: 2 * minute },
  { name: "api", together: 2, limit: 5 * minute },
  { name: "system", together: 2, limit: 10 * minute, alone: /concurrency|snapshot-times|crash|faults|disk-full/ },
];

const tools = [
  { name: "lint", command: "node_modules/.bin/biome", args: ["lint", "--error-on-warnings", "."] },
  { name: "types", command: "node_modules/.bin/tsc", args: ["-p", "."] },
];

function filesOf(suite, filters) {
  const folder = join(root, "test", suite);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.test\.tsx?$/.test(name))
    .map((name) => join(relative(root, folder), name))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

const total = { passed: 0, failed: 0, skipped: 0 };
const told = [];

function add({ passed, failed, skipped }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

function report(name, result) {
  add(result);
  const counts = [`${result.passed} passed`, result.failed && `${result.failed} failed`, result.skipped && `${result.skipped} skipped`];
  const mark = result.failed ? "FAIL" : " ok ";
  say(` ${mark} ${name}  ${counts.filter(Boolean).join(", ")}  (${(result.ms / 1000).toFixed(1)} s)`);
  for (const { title, message } of result.failures) {
    say(`      x ${title}\n${message.replace(/^/gm, "        ")}`);
    told.push(`${name}: ${title}\n      ${message.split("\n", 3).join("\n      ")}`);
  }
  if (result.output) say(`      what it wrote at last:\n${result.output.replace(/^/gm, "        ")}`);
}

async function runSuite({ name, together, limit, alone }, filters) {
  const files = filesOf(name, filters);
  if (files.length === 0) return;
  say(`\n${name}: ${files.length} files`);
  const isAlone = (file) => alone?.test(file) ?? false;
  await runFiles(files.filter((file) => !isAlone(file)), together, limit);
  await runFiles(files.filter(isAlone), 1, limit);
}

async function runFiles(files, together, limit) {
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const mark = markOfFile();
      report(file, await runFile(root, file, limit, mark));
      checkLeftovers(file, new Set(), mark);
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
}

/** What a test left on the machine is removed, and is a failure of that test. */
function checkLeftovers(after, before, mark) {
  const left = sweep(before, mark);
  if (left.length === 0) return;
  report(`${after}: what it left behind`, {
    passed: 0, failed: 1, skipped: 0, ms: 0, failures: [{ title: "left behind, now removed:", message: left.join("\n") }],
  });
}

const args = process.argv.slice(2);
const check = args.includes("--check");
const filters = args.filter((arg) => !arg.startsWith("--"));

function finish() {
  if (total.passed + total.failed === 0) say("\nno test ran");
  // Once more and together: a long log is often kept in part, and its end is the part that is.
  if (told.length > 0) say(`\nfailed:\n${told.map((one) => `  x ${one}`).join("\n")}`);
  say(`\n${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ""}`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

await script(check ? "check" : "npm test", async () => {
  if (!check) {
    await setup({ tests: true });
    await build();
  }
  const before = isolateLeftovers();
  if (check) {
    say("tools:");
    for (const tool of tools) report(tool.name, await runTool(root, tool));
  }
  for (const suite of check ? suites.slice(0, 2) : suites) await runSuite(suite, filters);
  if (!check) checkLeftovers("all tests", before);
  finish();
});
// A set-up or a build that failed has said why, and no test ran.
if (process.exitCode && total.passed + total.failed === 0) say("\n0 passed, 1 failed");
process.exit();
