// SFTP's callbacks as promises, and its statuses as what they mean for a path.
import { CliError } from "../errors.ts";

type Callback<T> = (error: Error | null | undefined, value: T) => void;

const reasons: Readonly<Record<number, string>> = { 2: "no such file or directory", 3: "permission denied" };

/** Waits for one answer. What fails is told with the path. */
export function call<T>(path: string, start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (!error) return resolve(value);
      const { code } = error as { code?: number };
      reject(new CliError(`${path}: ${reasons[code ?? 0] ?? error.message}`, { cause: error }));
    });
  });
}
