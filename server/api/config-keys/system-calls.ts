// Lines of a seccomp policy, as liblxc reads them (version 2): a system call, what becomes of it, and which arguments that is
// about. liblxc skips a call that it does not know and stumbles over anything else, so what it would not take is refused here.

const architectures = [
  "all", "x86", "x86_64", "x32", "arm", "arm64", "ppc", "ppc64", "ppc64le", "mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32", "s390", "s390x",
];
const number = "(?:0x[0-9a-fA-F]{1,16}|\\d{1,20})";
const operator = "(?:SCMP_CMP_(?:NE|LT|LE|EQ|GE|GT|MASKED_EQ)|!=|<=?|==|>=?|&=)";
const argument = `\\[([0-5]),${number},${operator}(?:,${number})?\\]`;
const action = "(?:kill|trap|allow|errno \\d{1,4})";
const rule = new RegExp(`^([a-z_][a-z0-9_]*)(?: ${action}((?: ?${argument}){0,6}))?$`);
const wholeAction = new RegExp(`^${action}$`);

/** Without comments and spaces that say nothing; liblxc takes single spaces only. */
export function tidyPolicy(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/#.*/, "").replace(/\s+/g, " ").trim()).filter(Boolean);
}

/** The name of the system call that a line is about; undefined for `[ARCHITECTURE]` and `reject_force_umount`. */
export function callIn(line: string): string | undefined {
  const name = rule.exec(line)?.[1];
  return name === "reject_force_umount" ? undefined : name;
}

function wrongLine(line: string): string | undefined {
  const section = /^\[(\w+)\]$/.exec(line)?.[1];
  if (section) return architectures.some((name) => section === name || section === name.toUpperCase()) ? undefined : "there is no such architecture";
  if (/^\S+ notify\b/.test(line)) return "system calls cannot be intercepted here";
  const match = rule.exec(line);
  if (!match) return "expected CALL, CALL kill|trap|allow|errno NUMBER, and after that [ARGUMENT,VALUE,OPERATOR] for arguments";
  if (Number(/ errno (\d+)/.exec(line)?.[1] ?? 0) > 4095) return "error numbers end at 4095";
  const given = [...(match[2] ?? "").matchAll(/\[(\d)/g)].map(([, index]) => index);
  return new Set(given).size < given.length ? "an argument can be compared once in a line" : undefined;
}

function firstWrong(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const reason = wrongLine(line);
    if (reason) return `line "${line.slice(0, 80)}": ${reason}`;
  }
  return undefined;
}

/** What is wrong with a list of system calls, one a line. */
export function systemCalls(value: string): string | undefined {
  return firstWrong(tidyPolicy(value));
}

/** What is wrong with a whole policy: its version, its kind, and the rules. */
export function seccompPolicy(value: string): string | undefined {
  const [version = "", head = "", ...rules] = tidyPolicy(value);
  if (version !== "1" && version !== "2") return `line "${version.slice(0, 80)}": the first line is the version of its language, 1 or 2`;
  if (version === "1") return numbersOnly(head, rules);
  const [kind = "", ...rest] = head.split(" ");
  if (!/^(allow|deny|white|black)list$/.test(kind)) return `line "${head.slice(0, 80)}": the second line is allowlist or denylist`;
  if (rest.length > 0 && !wholeAction.test(rest.join(" "))) return `line "${head.slice(0, 80)}": expected kill, trap, allow or errno NUMBER after ${kind}`;
  return firstWrong(rules);
}

/** Version 1: numbers of the system calls that are allowed. */
function numbersOnly(head: string, rules: readonly string[]): string | undefined {
  if (!/^(allow|white)list$/.test(head)) return `line "${head.slice(0, 80)}": the second line of version 1 is allowlist`;
  const wrong = rules.find((line) => !/^\d{1,5}$/.test(line));
  return wrong === undefined ? undefined : `line "${wrong.slice(0, 80)}": version 1 takes numbers of system calls`;
}
