/** The names of a section of packages.txt. */
export function section(name: string): string[];
