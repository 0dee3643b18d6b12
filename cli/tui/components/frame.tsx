// What stands around a list: where we are, what goes on, what can be done.
import { Text } from "ink";
import { compareNatural } from "../../output/natural.ts";
import type { State } from "../state/model.ts";
import { fit } from "../text.ts";
import { progressOf, resourcesOf } from "../views/operations.ts";
import { views } from "../views/index.ts";
import type { Action, View } from "../views/view.ts";

export function Header({ state, view, shown, width }: { state: State; view: View; shown: number; width: number }) {
  const where = `${state.remote}: ${state.allProjects ? "all projects" : state.project}`;
  const what = `${view.title}${state.scope ? ` of ${state.scope.name}` : ""} (${shown}${shown === state.rows.length ? "" : ` of ${state.rows.length}`})`;
  const more = [state.filter ? `filter "${state.filter}"` : "", state.selected.size > 0 ? `${state.selected.size} selected` : ""].filter(Boolean).join(", ");
  const link = state.connection === "down" ? " the server is gone: connecting again … " : state.connection === "connecting" ? " connecting … " : "";
  return (
    <Text wrap="truncate">
      <Text bold>{" Berth "}</Text>
      <Text color="cyan">{where}</Text>
      {`  ${what}${more ? `  ${more}` : ""}  `}
      {link ? <Text inverse color={state.connection === "down" ? "red" : "yellow"}>{fit(link, Math.min(link.length, width))}</Text> : null}
    </Text>
  );
}

export function Tabs({ view }: { view: View }) {
  return (
    <Text wrap="truncate">
      {views.map(({ id, title }) => <Text key={id} inverse={id === view.id} dimColor={id !== view.id}>{` ${title} `}</Text>)}
    </Text>
  );
}

/** What the user is asked, what went wrong, or what the server is busy with. */
export function MessageLine({ state, width }: { state: State; width: number }) {
  const { mode, message } = state;
  switch (mode.kind) {
    case "filter":
      return <Text wrap="truncate" color="yellow">{`/${state.filter}█`}</Text>;
    case "command":
      return <Text wrap="truncate" color="yellow">{`:${mode.text}█`}</Text>;
    case "prompt":
      return <Text wrap="truncate" color="yellow">{`${mode.label}: ${mode.text}█`}</Text>;
    case "confirm":
      return <Text wrap="truncate" color="yellow" bold>{`${mode.question}  y / N`}</Text>;
    default:
      if (message) return <Text wrap="truncate" color={message.kind === "error" ? "red" : "green"}>{fit(`${message.text}${message.hint ? `   ${message.hint}` : ""}`, width - 1)}</Text>;
      return <Text wrap="truncate" dimColor>{fit(busyWith(state), width - 1)}</Text>;
  }
}

function busyWith({ operations }: State): string {
  const going = [...operations.values()].filter(({ class: kind }) => kind === "task").sort((a, b) => compareNatural(a.created_at, b.created_at));
  const [first] = going;
  if (!first) return " ";
  const progress = progressOf(first);
  return `${first.description} ${resourcesOf(first)}${progress ? `: ${progress}` : ""}${going.length > 1 ? `, and ${going.length - 1} more` : ""}`;
}

export function CommandLine({ command, width }: { command: string; width: number }) {
  return <Text wrap="truncate" dimColor>{command ? fit(`$ ${command}`, width - 1) : " "}</Text>;
}

/** The view's own keys, as many as there is room for, and those that show the rest. */
export function Keys({ actions, state, width }: { actions: readonly Pick<Action, "key" | "does">[]; state: State; width: number }) {
  if (state.mode.kind === "detail" || state.mode.kind === "help") return <Text wrap="truncate" dimColor>{fit("Esc back  Tab next page  j k down and up", width - 1)}</Text>;
  const common = "? help  q quit";
  const own = actions.map(({ key, does }) => `${key} ${does}`);
  while (own.length > 0 && own.join("  ").length + common.length + 3 > width) own.pop();
  return <Text wrap="truncate" dimColor>{[...own, common].join("  ")}</Text>;
}
