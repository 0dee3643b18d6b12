// The process: arguments in, exit status out.
import { runProgram } from "./app.ts";

runProgram(process.argv.slice(2), process.env).then((status) => process.exit(status));
