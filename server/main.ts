// berthd: arguments, signals, exit status.
import { parseArgs } from "node:util";
import { BerthError } from "./api/errors.ts";
import { startDaemon } from "./daemon.ts";
import { berthVersion } from "./info/version.ts";
import { explain, type Level, log, setLogLevel } from "./log.ts";

const usage = `berthd: the Berth daemon

Usage: berthd [--group GROUP] [--dir DIR] [--debug | --verbose | --quiet]

  --group GROUP   group that may use the socket (default: berth, if there is one)
  --dir DIR       where everything is kept (default: $BERTH_DIR, or /var/lib/berth)
  --debug         log all that happens
  --quiet         log warnings and errors only
  --version       print the version
  --help          print this

Ends on SIGTERM and SIGINT; instances go on running.
`;

function readArguments() {
  return parseArgs({
    options: {
      group: { type: "string", default: "berth" },
      dir: { type: "string", default: process.env["BERTH_DIR"] || "/var/lib/berth" },
      debug: { type: "boolean", short: "d", default: false },
      verbose: { type: "boolean", short: "v", default: false },
      quiet: { type: "boolean", short: "q", default: false },
      version: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  }).values;
}

function levelOf(options: { debug: boolean; quiet: boolean }): Level {
  if (options.debug) return "debug";
  return options.quiet ? "warn" : "info";
}

async function main(): Promise<number | undefined> {
  const options = readArguments();
  if (options.help || options.version) {
    process.stdout.write(options.help ? usage : `${berthVersion}\n`);
    return 0;
  }
  if (process.getuid?.() !== 0) throw new BerthError("forbidden", {}, { message: "berthd must run as root" });
  setLogLevel(levelOf(options));
  process.chdir("/");
  process.umask(0o022);
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { error: explain(error), stack: (error as Error)?.stack }));
  const daemon = await startDaemon({ directory: options.dir, group: options.group });
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    daemon.stop().then(() => process.exit(0), (error) => {
      log.error("could not stop in order", { error: explain(error) });
      process.exit(1);
    });
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => {});
  return undefined;
}

main().then(
  (code) => {
    if (code !== undefined) process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`Error: ${error instanceof BerthError ? error.message : explain(error)}\n`);
    if (error instanceof BerthError && error.hint) process.stderr.write(`Hint: ${error.hint}\n`);
    process.exit(1);
  },
);
