// The samples of the server itself.
import type { Context } from "../context.ts";
import { latencyBounds, type RequestStats } from "../http/requests.ts";
import { renderLabels, Samples } from "./samples.ts";

export function readServer(ctx: Context, requests: RequestStats): Samples {
  const samples = new Samples();
  addOperations(samples, ctx);
  for (const { severity, status, count } of ctx.warnings.counts()) samples.add("berth_warnings", renderLabels({ severity, status }), count);
  addRequests(samples, requests);
  addPools(samples, ctx);
  const { user, system } = process.cpuUsage();
  samples.add("berth_process_resident_memory_bytes", "", process.memoryUsage.rss());
  samples.add("berth_process_cpu_seconds_total", "", (user + system) / 1e6);
  samples.add("berth_process_start_time_seconds", "", Math.round(performance.timeOrigin / 1000));
  return samples;
}

function addOperations(samples: Samples, ctx: Context): void {
  samples.add("berth_operations", "", ctx.operations.list().filter((operation) => !operation.isFinal).length);
  for (const [status, count] of ctx.operations.endedByStatus) samples.add("berth_operations_ended_total", renderLabels({ status: status.toLowerCase() }), count);
}

function addRequests(samples: Samples, requests: RequestStats): void {
  samples.add("berth_api_requests_ongoing", "", requests.ongoing);
  for (const { endpoint, status, count } of requests.counts()) samples.add("berth_api_requests_total", renderLabels({ endpoint, status: String(status) }), count);
  for (const [i, bound] of latencyBounds.entries()) samples.add("berth_api_request_seconds", `le="${bound}"`, requests.within(i), "_bucket");
  samples.add("berth_api_request_seconds", 'le="+Inf"', requests.answered, "_bucket");
  samples.add("berth_api_request_seconds", "", requests.seconds, "_sum");
  samples.add("berth_api_request_seconds", "", requests.answered, "_count");
}

function addPools(samples: Samples, ctx: Context): void {
  for (const [pool, driver] of ctx.pools.drivers()) {
    const labels = renderLabels({ pool });
    const space = driver.space();
    samples.add("berth_storage_pool_used_bytes", labels, space.used);
    samples.add("berth_storage_pool_size_bytes", labels, space.total);
    samples.add("berth_storage_pool_used_inodes", labels, space.inodesUsed);
    samples.add("berth_storage_pool_inodes", labels, space.inodesTotal);
  }
}
