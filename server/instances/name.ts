// Names of instances: what they may be, and made-up ones.
import { randomInt } from "node:crypto";
import { fail } from "../api/errors.ts";

/** Throws `invalid_name` unless it could be a host name. */
export function checkInstanceName(name: string): void {
  const reason = nameFault(name);
  if (reason) throw fail("invalid_name", { what: "instance", name: name.slice(0, 80), reason });
}

function nameFault(name: string): string | undefined {
  if (name.length < 1 || name.length > 63) return "it must be 1 to 63 characters long";
  if (!/^[a-zA-Z0-9-]+$/.test(name)) return "it may hold letters, digits and dashes only";
  if (/^[0-9-]/.test(name)) return "it must start with a letter";
  return name.endsWith("-") ? "it must not end with a dash" : undefined;
}

const adjectives = [
  "able", "amber", "bold", "brave", "brisk", "calm", "clear", "crisp", "deep", "eager", "fair", "fine", "fond", "free", "fresh", "full",
  "gentle", "glad", "golden", "grand", "keen", "kind", "lively", "loyal", "lucky", "mellow", "merry", "mighty", "neat", "noble", "proud",
  "quick", "quiet", "ready", "rich", "robust", "sharp", "silver", "smart", "snug", "solid", "steady", "sunny", "sure", "swift", "tidy",
  "true", "vivid", "warm", "wise",
];
const nouns = [
  "anchor", "barge", "bay", "beacon", "boom", "bow", "buoy", "cabin", "canoe", "captain", "clipper", "coast", "coral", "cove", "crane",
  "current", "cutter", "deck", "dock", "dolphin", "ferry", "fleet", "galley", "gull", "harbor", "heron", "hull", "island", "jetty", "keel",
  "lagoon", "lantern", "mast", "oar", "osprey", "pelican", "pier", "pilot", "port", "quay", "reef", "rudder", "sail", "schooner", "seal",
  "sloop", "tern", "tide", "tug", "wharf",
];

const pick = (words: readonly string[]) => words[randomInt(words.length)] ?? "";

/** A name that nobody has yet. */
export function makeName(isTaken: (name: string) => boolean): string {
  for (let tries = 0; ; tries++) {
    const name = `${pick(adjectives)}-${pick(nouns)}${tries > 20 ? `-${randomInt(10_000)}` : ""}`;
    if (!isTaken(name)) return name;
  }
}
