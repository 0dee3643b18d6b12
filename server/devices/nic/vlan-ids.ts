// Numbers of VLANs, and ranges of them.

const last = 4094;

/** What is wrong with the VLAN of untagged traffic. */
export function checkVlan(value: string): string | undefined {
  if (value === "none") return undefined;
  return /^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= last ? undefined : `expected a VLAN from 1 to ${last}`;
}

/** First and last of each range in a list such as `5,7,10-12`; undefined when it is none. */
export function parseVlans(value: string): [number, number][] | undefined {
  const ranges = value.split(",").map((item) => /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(item)).map((match): [number, number] => {
    const first = Number(match?.[1] ?? 0);
    return [first, match?.[2] === undefined ? first : Number(match[2])];
  });
  return ranges.every(([from, to]) => from >= 1 && from <= to && to <= last) ? ranges : undefined;
}

/** What is wrong with a list of tagged VLANs. */
export function checkVlans(value: string): string | undefined {
  return parseVlans(value) ? undefined : `expected VLANs from 1 to ${last} and ranges of them, such as 5,10-12`;
}
