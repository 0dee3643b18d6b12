// Remembers what a bundle was made of, so that nothing is built again for nothing.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const stampFile = "dist/.built.json";

const read = (root) => {
  try {
    return JSON.parse(readFileSync(join(root, stampFile), "utf8"));
  } catch {
    return {};
  }
};

function mark(root, file) {
  try {
    const { mtimeMs, size } = statSync(join(root, file));
    return `${mtimeMs}:${size}`;
  } catch {
    return "gone";
  }
}

/** Whether a bundle is newer than everything it was made of. */
export function isFresh(root, name, outputs) {
  const stamp = read(root)[name];
  if (!stamp || !outputs.every((file) => existsSync(join(root, file)))) return false;
  return Object.entries(stamp).every(([file, was]) => mark(root, file) === was);
}

/** Remembers the inputs of a bundle. */
export function rememberInputs(root, name, inputs) {
  const stamp = Object.fromEntries(inputs.map((file) => [file, mark(root, file)]));
  writeFileSync(join(root, stampFile), `${JSON.stringify({ ...read(root), [name]: stamp })}\n`);
}
