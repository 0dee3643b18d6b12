// Lines of text with a heading and pages to choose from: details, and the help.
import { Text } from "ink";
import { fit } from "../text.ts";

interface PageProps {
  title: string;
  tabs: readonly string[];
  tab: number;
  /** Undefined while they are read. */
  lines: readonly string[] | undefined;
  top: number;
  width: number;
  height: number;
}

export function Page({ title, tabs, tab, lines, top, width, height }: PageProps) {
  const shown = lines?.slice(top, top + height - 1) ?? ["  …"];
  return (
    <>
      <Text wrap="truncate">
        <Text bold color="cyan">{`  ${title}  `}</Text>
        {tabs.map((name, i) => <Text key={name} inverse={i === tab}>{` ${name} `}</Text>)}
      </Text>
      {/* biome-ignore lint/suspicious/noArrayIndexKey: lines are nothing but their places */}
      {shown.map((line, i) => <Text key={i} wrap="truncate">{fit(`  ${line}`, width).trimEnd() || " "}</Text>)}
    </>
  );
}

/** As far as a page can be moved. */
export function lastTop(lines: readonly string[] | undefined, height: number): number {
  return Math.max(0, (lines?.length ?? 0) - (height - 1));
}
