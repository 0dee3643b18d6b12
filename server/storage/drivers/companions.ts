// What belongs to a volume or a snapshot besides its root file system: it lies beside it.
import { cpSync, existsSync, rmSync } from "node:fs";

const names = ["metadata.yaml", "templates"];

export function copyCompanions(from: string, to: string): void {
  for (const name of names) {
    if (existsSync(`${from}/${name}`)) cpSync(`${from}/${name}`, `${to}/${name}`, { recursive: true });
  }
}

export function removeCompanions(folder: string): void {
  for (const name of names) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}
