// Runs one test file, or one tool, in a process group of its own with a time limit, and counts what passed.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const kept = 6000;

/** What helps to understand a failure: not the daemon's log of what went well, and no endless lines. */
const telling = (output) =>
  output.split("\n").filter((line) => !line.includes('"level":"info"')).map((line) => line.slice(0, 500)).join("\n").trim();

/** Without the extra certificates, whose reading makes every start of Node 30 ms slower; tests find their name in BERTH_CA. */
function testEnv(extra) {
  const { NODE_EXTRA_CA_CERTS, NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env;
  for (const key of Object.keys(env)) if (key.startsWith("npm_")) delete env[key];
  return { ...env, ...(NODE_EXTRA_CA_CERTS ? { BERTH_CA: NODE_EXTRA_CA_CERTS } : {}), ...extra };
}

/** Runs a program to its end or its limit. Resolves with its status and the last of its output. */
function execute(command, args, { cwd, limit, env }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: testEnv(env), stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let late = false;
    const collect = (text) => {
      output = (output + text).slice(-kept);
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {} // it has ended
    };
    const timers = [
      setTimeout(() => {
        late = true;
        end("SIGTERM");
      }, limit),
      setTimeout(() => end("SIGKILL"), limit + 10_000),
    ];
    let closing;
    const done = (code, signal) => {
      for (const timer of [...timers, closing]) clearTimeout(timer);
      resolve({ code, signal, late, output: output.trim() });
    };
    child.on("error", (error) => {
      output += error.message;
      done(1);
    });
    // What a test left running may hold its output open: then its end counts, not the end of the output.
    child.on("exit", (code, signal) => {
      closing = setTimeout(() => done(code, signal), 500);
    });
    child.on("close", done);
  });
}

const why = ({ code, signal, late }, limit) =>
  late ? `not done after ${limit / 1000} s: ended` : signal ? `ended by ${signal}` : `ended with status ${code}`;

/** Runs a test file by itself, under a mark of its own; its tests are counted one by one. */
export async function runFile(root, file, limit, mark) {
  const since = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "berth-run-"));
  const list = join(folder, "results");
  const args = [
    "--import", "tsx", "--test-reporter", join(root, "test/helpers/reporter.mjs"), "--test-reporter-destination", list, file,
  ];
  const ended = await execute(process.execPath, args, { cwd: root, limit, env: { BERTH_TEST_RUN: mark } });
  const results = readResults(list);
  rmSync(folder, { recursive: true, force: true });
  const count = (kind) => results.filter(({ result }) => result === kind).length;
  const failures = results
    .filter(({ result }) => result === "failed")
    .map(({ title, message }) => ({ title, message }));
  const broken = failures.length === 0 && (ended.code !== 0 || ended.late);
  const empty = !broken && results.length === 0;
  if (broken || ended.late) failures.push({ title: `${file}: ${why(ended, limit)}`, message: telling(ended.output) || "it wrote nothing" });
  else if (empty) failures.push({ title: `${file}: no test in it ran`, message: ended.output });
  const told = broken || empty || ended.late;
  const failed = count("failed") || Number(told);
  const output = failures.length > 0 && !told ? telling(ended.output) : "";
  return { passed: count("passed"), failed, skipped: count("skipped"), failures, output, ms: performance.now() - since };
}

function readResults(list) {
  try {
    return readFileSync(list, "utf8").split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

/** Runs a checking tool; it counts as one test. */
export async function runTool(root, { name, command, args }) {
  const since = performance.now();
  const ended = await execute(join(root, command), args, { cwd: root, limit: 120_000, env: {} });
  const failed = ended.code === 0 ? 0 : 1;
  const failures = failed ? [{ title: `${name}: ${why(ended, 120_000)}`, message: ended.output }] : [];
  return { passed: 1 - failed, failed, skipped: 0, failures, ms: performance.now() - since };
}
