// The client's own version, put in by the build.
declare const BERTH_VERSION: string | undefined;

export const version = typeof BERTH_VERSION === "string" ? BERTH_VERSION : "0.0.0-dev";
