// What output/terminal.ts tells, in the native client, where the build puts it in its place: Bun takes three milliseconds to load
// node:tty, as long as it takes to start.
interface Binding {
  isTTY(fd: number): boolean;
  /** `getWindowSize` fills in columns and rows; it answers with an error's number when it cannot. */
  TTY: new (fd: number) => { getWindowSize(size: number[]): number | undefined };
}

const binding = (): Binding => (process as unknown as { binding(name: string): Binding }).binding("tty_wrap");

export function isTerminal(fd: number): boolean {
  return binding().isTTY(fd);
}

export function terminalWidth(): number | undefined {
  const { isTTY, TTY } = binding();
  if (!isTTY(1)) return undefined;
  const size = [0, 0];
  new TTY(1).getWindowSize(size);
  return size[0] || undefined;
}
