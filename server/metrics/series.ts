// The series there are: LXD's, by the names, types and words that dashboards know, and the server's own.

export interface Series {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
}

/** In the order they are written. */
export const series = {
  lxd_cpu_seconds_total: { type: "counter", help: "The total number of CPU time used in seconds." },
  lxd_disk_read_bytes_total: { type: "counter", help: "The total number of bytes read." },
  lxd_disk_reads_completed_total: { type: "counter", help: "The total number of completed reads." },
  lxd_disk_written_bytes_total: { type: "counter", help: "The total number of bytes written." },
  lxd_disk_writes_completed_total: { type: "counter", help: "The total number of completed writes." },
  lxd_filesystem_avail_bytes: { type: "gauge", help: "The number of available space in bytes." },
  lxd_filesystem_free_bytes: { type: "gauge", help: "The number of free space in bytes." },
  lxd_filesystem_size_bytes: { type: "gauge", help: "The size of the filesystem in bytes." },
  lxd_memory_Active_anon_bytes: { type: "gauge", help: "The amount of anonymous memory on active LRU list." },
  lxd_memory_Active_file_bytes: { type: "gauge", help: "The amount of file-backed memory on active LRU list." },
  lxd_memory_Active_bytes: { type: "gauge", help: "The amount of memory on active LRU list." },
  lxd_memory_Cached_bytes: { type: "gauge", help: "The amount of cached memory." },
  lxd_memory_Dirty_bytes: { type: "gauge", help: "The amount of memory waiting to get written back to the disk." },
  lxd_memory_HugepagesFree_bytes: { type: "gauge", help: "The amount of free memory for hugetlb." },
  lxd_memory_HugepagesTotal_bytes: { type: "gauge", help: "The amount of used memory for hugetlb." },
  lxd_memory_Inactive_anon_bytes: { type: "gauge", help: "The amount of anonymous memory on inactive LRU list." },
  lxd_memory_Inactive_file_bytes: { type: "gauge", help: "The amount of file-backed memory on inactive LRU list." },
  lxd_memory_Inactive_bytes: { type: "gauge", help: "The amount of memory on inactive LRU list." },
  lxd_memory_Mapped_bytes: { type: "gauge", help: "The amount of mapped memory." },
  lxd_memory_MemAvailable_bytes: { type: "gauge", help: "The amount of available memory." },
  lxd_memory_MemFree_bytes: { type: "gauge", help: "The amount of free memory." },
  lxd_memory_MemTotal_bytes: { type: "gauge", help: "The amount of used memory." },
  lxd_memory_RSS_bytes: { type: "gauge", help: "The amount of anonymous and swap cache memory." },
  lxd_memory_Shmem_bytes: { type: "gauge", help: "The amount of cached filesystem data that is swap-backed." },
  lxd_memory_Swap_bytes: { type: "gauge", help: "The amount of used swap memory." },
  lxd_memory_Unevictable_bytes: { type: "gauge", help: "The amount of unevictable memory." },
  lxd_memory_Writeback_bytes: { type: "gauge", help: "The amount of memory queued for syncing to disk." },
  lxd_network_receive_bytes_total: { type: "counter", help: "The amount of received bytes on a given interface." },
  lxd_network_receive_drop_total: { type: "counter", help: "The amount of received dropped bytes on a given interface." },
  lxd_network_receive_errs_total: { type: "counter", help: "The amount of received errors on a given interface." },
  lxd_network_receive_packets_total: { type: "counter", help: "The amount of received packets on a given interface." },
  lxd_network_transmit_bytes_total: { type: "counter", help: "The amount of transmitted bytes on a given interface." },
  lxd_network_transmit_drop_total: { type: "counter", help: "The amount of transmitted dropped bytes on a given interface." },
  lxd_network_transmit_errs_total: { type: "counter", help: "The amount of transmitted errors on a given interface." },
  lxd_network_transmit_packets_total: { type: "counter", help: "The amount of transmitted packets on a given interface." },
  lxd_procs_total: { type: "gauge", help: "The number of running processes." },
  berth_instances: { type: "gauge", help: "Instances, by what they do." },
  berth_operations: { type: "gauge", help: "Operations that are under way." },
  berth_operations_ended_total: { type: "counter", help: "Operations that have ended, by how." },
  berth_warnings: { type: "gauge", help: "Warnings, by their severity and status." },
  berth_api_requests_ongoing: { type: "gauge", help: "Requests that are being answered." },
  berth_api_requests_total: { type: "counter", help: "Requests that have been answered, by endpoint and status." },
  berth_api_request_seconds: { type: "histogram", help: "How long requests took to be answered." },
  berth_storage_pool_used_bytes: { type: "gauge", help: "The used space of the file system that holds the pool." },
  berth_storage_pool_size_bytes: { type: "gauge", help: "The size of the file system that holds the pool." },
  berth_storage_pool_used_inodes: { type: "gauge", help: "The used inodes of the file system that holds the pool." },
  berth_storage_pool_inodes: { type: "gauge", help: "The inodes of the file system that holds the pool." },
  berth_process_resident_memory_bytes: { type: "gauge", help: "The memory that the daemon holds." },
  berth_process_cpu_seconds_total: { type: "counter", help: "The CPU time that the daemon has used." },
  berth_process_start_time_seconds: { type: "gauge", help: "When the daemon was started, in seconds since 1970." },
} as const satisfies Record<string, Series>;

export type SeriesName = keyof typeof series;
