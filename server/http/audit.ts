// One line in the log for each change that was asked for: who, what, from where, with what result. It tells nothing of
// bodies and queries, which may hold secrets, and an error by its code alone, as its sentence may quote them.
import type { Requestor } from "../api/events.ts";
import { log } from "../log.ts";
import type { Operation } from "../operations/operation.ts";

/** What is known of a request while it is answered. */
export interface RequestRecord {
  /** In the log lines of whatever is done for it. */
  readonly id: string;
  /** The endpoint's name in the contract. */
  readonly endpoint: string;
  readonly method: string;
  /** Its path, without the query. */
  readonly target: string;
  readonly began: number;
  requestor?: Requestor;
  project?: string;
  /** The operation that goes on after the answer. */
  operation?: Operation;
  /** Code of the error that was answered. */
  error?: string;
}

let requests = 0;

/** `url`: as it came, whose query is left out. */
export function beginRecord(endpoint: string, method: string, url: string): RequestRecord {
  const [target = ""] = url.split("?", 1);
  return { id: (++requests).toString(36), endpoint, method, target, began: performance.now() };
}

const isChange = (method: string) => method !== "GET" && method !== "HEAD";

/** Writes the line once the change is done, or was refused. */
export function audit(record: RequestRecord): void {
  if (!isChange(record.method)) return;
  const { operation } = record;
  if (!operation) return write(record, record.error);
  void operation.ended().then(() => write(record, operation.failure));
}

function write({ endpoint, target, project, requestor, operation, began }: RequestRecord, error: string | undefined): void {
  log.info("audit", {
    endpoint, target, project, result: error ?? "success", username: requestor?.username, protocol: requestor?.protocol, address: requestor?.address,
    ...(operation ? { operation: operation.id } : {}), ms: Math.round(performance.now() - began),
  });
}
