// The API extensions that are served: what of LXD's API since its first version works here. Clients use
// what is listed, so nothing is listed that is not there.
export const apiExtensions: readonly string[] = [
  "etag", "patch", "container_last_used_at", "container_cpu_time", "network", "profile_usedby", "container_exec_recording",
  "container_exec_signal_handling", "container_image_properties", "network_firewall_filtering", "network_routes", "storage",
  "network_dhcp_expiry", "entity_description", "resources", "network_dhcp_gateway", "network_leases", "operation_description",
  "event_lifecycle", "network_state", "container_protection_delete", "network_hwaddr", "network_nat_order", "container_full", "console",
  "network_leases_location", "kernel_features", "id_map_current", "event_location", "network_nat_address", "lxc_features",
  "container_exec_user_group_cwd", "instances", "image_types", "images_expiry", "image_profiles", "api_filtering", "instance_nic_network",
  "firewall_driver", "api_os", "network_dns_search", "network_state_bond_bridge", "usedby_consistency", "network_state_vlan",
  "instance_bulk_state_change", "server_supported_storage_drivers", "event_lifecycle_requestor_address", "network_counters_errors_dropped",
  "cloud_init", "directory_manipulation", "file_append", "file_delete", "file_symlinks", "file_get_symlink", "instance_file_head",
  "instance_all_projects", "instance_get_full", "restrict_devlxd", "devlxd_events", "devlxd_images", "instance_ready_state", "event_project", "console_force",
  "snapshot_expiry", "snapshot_expiry_creation",
  "certificate_update", "certificate_project", "certificate_token", "certificate_self_renewal", "remote_token_expiry",
  "proxy", "proxy_unix", "proxy_udp", "proxy_tcp_udp_multi_port_handling", "proxy_unix_dac_properties", "proxy_haproxy_protocol", "proxy_nat",
  "projects", "projects_limits", "projects_restrictions", "projects_limits_disk", "projects_networks", "projects_limits_instances", "project_usage",
  "projects_restricted_cluster_target", "projects_restricted_intercept", "projects_networks_restricted_access", "instance_project_move",
  "container_only_migration", "container_copy_project", "container_incremental_copy", "instance_pool_move", "instance_allow_inconsistent_copy", "instances_rebuild",
];
