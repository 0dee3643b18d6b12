// The envelope that every JSON reply comes in, and the codes of statuses.

/** LXD's status codes; 200 and above are final. */
export const statusCodes = {
  "Operation created": 100,
  Started: 101,
  Stopped: 102,
  Running: 103,
  Cancelling: 104,
  Pending: 105,
  Starting: 106,
  Stopping: 107,
  Aborting: 108,
  Freezing: 109,
  Frozen: 110,
  Thawed: 111,
  Error: 112,
  Ready: 113,
  Success: 200,
  Failure: 400,
  Cancelled: 401,
} as const;
export type Status = keyof typeof statusCodes;

/** Headers that carry what LXD's error envelope has no place for. */
export const errorCodeHeader = "berth-error-code";
export const errorHintHeader = "berth-error-hint";

export interface Envelope<T = unknown> {
  type: "sync" | "async" | "error";
  status: string;
  status_code: number;
  operation: string;
  error_code: number;
  error: string;
  metadata: T;
}

export function syncEnvelope<T>(metadata: T): Envelope<T> {
  return { type: "sync", status: "Success", status_code: 200, operation: "", error_code: 0, error: "", metadata };
}

export function asyncEnvelope<T>(operation: string, metadata: T): Envelope<T> {
  return { type: "async", status: "Operation created", status_code: 100, operation, error_code: 0, error: "", metadata };
}

export function errorEnvelope(status: number, message: string): Envelope<null> {
  return { type: "error", status: "", status_code: 0, operation: "", error_code: status, error: message, metadata: null };
}
