// Gives root ids for containers, when a package is installed.
import { ensureSubids } from "./subids.mjs";

try {
  process.stdout.write(`${ensureSubids()}\n`);
} catch (error) {
  process.stderr.write(`berth: ${error.message}${error.todo ? `: ${error.todo}` : ""}\n`);
}
